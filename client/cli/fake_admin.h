// A broker's answers about schemas, for tests.
#ifndef MYCELIUM_CLIENT_CLI_FAKE_ADMIN_H_
#define MYCELIUM_CLIENT_CLI_FAKE_ADMIN_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/cli/admin_call.h"
#include "google/protobuf/descriptor.pb.h"
#include "proto/schema.h"

namespace mycelium::cli {

// A schema of message types that have the strings of `fields` as fields 1, 2...
struct FakeType {
  uint16_t type_id;
  std::string name;
  std::vector<std::string> fields;
};
inline std::shared_ptr<const Schema> MakeSchema(
    const std::vector<FakeType>& types) {
  namespace pb = google::protobuf;
  pb::FileDescriptorSet set;
  pb::FileDescriptorProto* file = set.add_file();
  file->set_name("fake.proto");
  file->set_package("fake");
  file->set_syntax("proto3");
  for (const FakeType& type : types) {
    pb::DescriptorProto* message = file->add_message_type();
    message->set_name(type.name);
    message->mutable_options()->mutable_unknown_fields()->AddVarint(
        51742, type.type_id);
    for (const std::string& name : type.fields) {
      pb::FieldDescriptorProto* field = message->add_field();
      field->set_name(name);
      field->set_number(message->field_size());
      field->set_type(pb::FieldDescriptorProto::TYPE_STRING);
      field->set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
    }
  }
  std::string why;
  return Schema::Parse(set.SerializeAsString(), &why);
}

class FakeAdmin {
 public:
  void Know(uint64_t number, std::shared_ptr<const Schema> schema) {
    schemas_[number] = std::move(schema);
  }
  void Forget(uint64_t number) { schemas_.erase(number); }

  AdminCall call() {
    return [this](std::string_view request, absl::Duration) {
      wire::AdminRequest parsed;
      parsed.ParseFromArray(request.data(), static_cast<int>(request.size()));
      wire::AdminReply reply;
      if (parsed.has_schema_list()) List(parsed.schema_list(), &reply);
      if (parsed.has_descriptor_set()) Piece(parsed.descriptor_set(), &reply);
      if (change) change(&reply);
      return absl::StatusOr<std::string>(reply.SerializeAsString());
    };
  }

  size_t page_schemas = 100;
  size_t page_types = 100;
  size_t piece_bytes = 64 << 10;
  // What is done to each reply before it is sent.
  std::function<void(wire::AdminReply*)> change;
  int lists = 0;
  int pieces = 0;

 private:
  void List(const wire::SchemaListRequest& request, wire::AdminReply* reply) {
    ++lists;
    wire::SchemaList* list = reply->mutable_schema_list();
    for (auto it = schemas_.upper_bound(request.after_number());
         it != schemas_.end(); ++it) {
      if (list->schemas_size() == static_cast<int>(page_schemas)) {
        list->set_more(true);
        return;
      }
      wire::KnownSchema* known = list->add_schemas();
      known->set_number(it->first);
      known->set_schema_digest(it->second->digest().data(), 32);
      known->set_types_total(static_cast<uint32_t>(it->second->types().size()));
      for (const Schema::MessageType& type : it->second->types()) {
        if (known->types_size() == static_cast<int>(page_types)) break;
        wire::KnownMessageType* added = known->add_types();
        added->set_type_id(type.type_id);
        added->set_name(type.name);
      }
    }
  }

  void Piece(const wire::DescriptorSetRequest& request,
             wire::AdminReply* reply) {
    ++pieces;
    for (const auto& [number, schema] : schemas_) {
      if (ToDigest(request.schema_digest()) != schema->digest()) continue;
      const std::string& bytes = schema->descriptor_set();
      reply->mutable_descriptor_set()->set_total_bytes(
          static_cast<uint32_t>(bytes.size()));
      reply->mutable_descriptor_set()->set_piece(
          bytes.substr(request.offset(), piece_bytes));
      return;
    }
    reply->set_error("admin: a schema that is not known");
  }

  std::map<uint64_t, std::shared_ptr<const Schema>> schemas_;
};

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_FAKE_ADMIN_H_
