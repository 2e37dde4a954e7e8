#include "proto/plugin/validation.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "mycelium/options.pb.h"
#include "proto/plugin/generator.h"

namespace mycelium::plugin {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

constexpr uint32_t kTypeIdMax = 65535;
// Numbers of fields in descriptor.proto, which places in a file are made of.
constexpr int kFileOptions = 8;
constexpr int kFileMessages = 4;
constexpr int kMessageMessages = 3;
constexpr int kMessageOptions = 7;

std::string PlaceOfPath(const FileDescriptor& file,
                        const std::vector<int>& path) {
  google::protobuf::SourceLocation location;
  if (!file.GetSourceLocation(path, &location)) return file.name();
  return file.name() + ":" + std::to_string(location.start_line + 1) + ":" +
         std::to_string(location.start_column + 1);
}

// Where the message's type_id is set.
std::string PlaceOfTypeId(const Descriptor& message) {
  std::vector<int> path;
  for (const Descriptor* d = &message; d != nullptr; d = d->containing_type()) {
    path.push_back(d->index());
    path.push_back(d->containing_type() == nullptr ? kFileMessages
                                                   : kMessageMessages);
  }
  std::reverse(path.begin(), path.end());
  path.push_back(kMessageOptions);
  path.push_back(mycelium::type_id.number());
  return PlaceOfPath(*message.file(), path);
}

void ForEachMessage(const FileDescriptor& file,
                    const std::function<void(const Descriptor&)>& visit) {
  std::vector<const Descriptor*> open;
  for (int i = file.message_type_count(); i-- > 0;) {
    open.push_back(file.message_type(i));
  }
  while (!open.empty()) {
    const Descriptor* const message = open.back();
    open.pop_back();
    visit(*message);
    for (int i = message->nested_type_count(); i-- > 0;) {
      open.push_back(message->nested_type(i));
    }
  }
}

bool IsProto3(const FileDescriptor& file) {
  return file.syntax() == FileDescriptor::SYNTAX_PROTO3;
}

class FaultFinder {
 public:
  std::vector<std::string> Find(
      const std::vector<const FileDescriptor*>& files) {
    const std::vector<const FileDescriptor*> all = WithImports(files);
    for (const FileDescriptor* file : all) ReadRange(*file);
    const std::set<const FileDescriptor*> generated(files.begin(), files.end());
    for (const FileDescriptor* file : all) {
      if (generated.count(file) > 0) CheckLanguage(*file);
      ForEachMessage(*file, [this](const Descriptor& message) {
        if (message.options().HasExtension(mycelium::type_id)) {
          CheckTypeId(message);
        }
      });
    }
    return std::move(faults_);
  }

 private:
  struct Reserved {
    const FileDescriptor* file;
    uint32_t first;
    uint32_t last;
  };

  static std::string RangeText(uint32_t first, uint32_t last) {
    return std::to_string(first) + " to " + std::to_string(last);
  }

  void ReadRange(const FileDescriptor& file) {
    if (!file.options().HasExtension(mycelium::type_ids)) return;
    const TypeIdRange& range = file.options().GetExtension(mycelium::type_ids);
    const std::string place =
        PlaceOfPath(file, {kFileOptions, mycelium::type_ids.number()});
    if (range.first() == 0 || range.last() > kTypeIdMax ||
        range.first() > range.last()) {
      faults_.push_back(place + ": type_ids " +
                        RangeText(range.first(), range.last()) +
                        ", allowed a range within 1 to 65535");
      return;
    }
    for (const Reserved& other : reserved_) {
      if (other.file->package() == file.package() ||
          other.last < range.first() || range.last() < other.first) {
        continue;
      }
      faults_.push_back(place + ": type_ids " +
                        RangeText(range.first(), range.last()) + ", of which " +
                        other.file->name() + " reserves " +
                        RangeText(other.first, other.last) + " for package " +
                        other.file->package());
    }
    reserved_.push_back({&file, range.first(), range.last()});
  }

  // What only proto2 has: groups, extensions, required fields, defaults, enums
  // that do not begin with 0.
  void CheckLanguage(const FileDescriptor& file) {
    if (!IsProto3(file)) {
      faults_.push_back(file.name() +
                        ":1:1: syntax proto2, allowed syntax = \"proto3\" "
                        "(there are no groups, extensions or required fields)");
      return;
    }
    ForEachMessage(file, [&](const Descriptor& message) {
      for (int i = 0; i < message.field_count(); ++i) {
        const FieldDescriptor& field = *message.field(i);
        const FileDescriptor* of = nullptr;
        if (field.message_type() != nullptr) of = field.message_type()->file();
        if (field.enum_type() != nullptr) of = field.enum_type()->file();
        if (of == nullptr || IsProto3(*of)) continue;
        const std::string& name = field.message_type() != nullptr
                                      ? field.message_type()->full_name()
                                      : field.enum_type()->full_name();
        faults_.push_back(Place(file, field) + ": " + field.full_name() +
                          " is " + name + " of " + of->name() +
                          ", which is proto2, allowed types of proto3 files");
      }
    });
  }

  void CheckTypeId(const Descriptor& message) {
    const uint32_t id = message.options().GetExtension(mycelium::type_id);
    const std::string subject = PlaceOfTypeId(message) + ": type_id " +
                                std::to_string(id) + " of " +
                                message.full_name();
    if (id == 0 || id > kTypeIdMax) {
      faults_.push_back(subject + ", allowed 1 to 65535");
      return;
    }
    const auto [it, is_new] = messages_.emplace(id, &message);
    if (!is_new) {
      faults_.push_back(subject + ", which " + it->second->full_name() +
                        " has already (" + PlaceOfTypeId(*it->second) + ")");
    }
    CheckRanges(message, id, subject);
  }

  void CheckRanges(const Descriptor& message, uint32_t id,
                   const std::string& subject) {
    const std::string& package = message.file()->package();
    std::string own;
    for (const Reserved& range : reserved_) {
      const bool inside = range.first <= id && id <= range.last;
      if (range.file->package() == package) {
        if (inside) return;
        if (!own.empty()) own += ", ";
        own += RangeText(range.first, range.last);
      } else if (inside) {
        faults_.push_back(subject + ", which " + range.file->name() +
                          " reserves for package " + range.file->package());
        return;
      }
    }
    if (own.empty()) return;
    faults_.push_back(subject + ", allowed " + own +
                      ", the type_ids of package " + package);
  }

  std::vector<Reserved> reserved_;
  std::map<uint32_t, const Descriptor*> messages_;
  std::vector<std::string> faults_;
};

}  // namespace

std::vector<const FileDescriptor*> WithImports(
    const std::vector<const FileDescriptor*>& files) {
  std::vector<const FileDescriptor*> all;
  std::set<const FileDescriptor*> seen;
  const std::function<void(const FileDescriptor*)> visit =
      [&](const FileDescriptor* file) {
        if (!seen.insert(file).second) return;
        for (int i = 0; i < file->dependency_count(); ++i) {
          visit(file->dependency(i));
        }
        all.push_back(file);
      };
  for (const FileDescriptor* file : files) visit(file);
  return all;
}

std::vector<std::string> FindFaults(
    const std::vector<const FileDescriptor*>& files) {
  return FaultFinder().Find(files);
}

}  // namespace mycelium::plugin
