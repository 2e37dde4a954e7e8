#include "proto/plugin/python_names.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <iterator>
#include <sstream>
#include <string_view>

#include "proto/plugin/generator.h"
#include "proto/plugin/python_wire.h"

namespace mycelium::plugin {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

using NameSet = std::set<std::string, std::less<>>;

NameSet Words(const char* text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

bool IsKeyword(std::string_view name) {
  static const NameSet kKeywords = Words(
      "False None True and as assert async await break class continue def "
      "del elif else except finally for from global if import in is lambda "
      "nonlocal not or pass raise return try while with yield");
  return kKeywords.find(name) != kKeywords.end();
}

// What every class has, and what its body and its signatures mention.
bool IsClassName(std::string_view name) {
  static const NameSet kNames = Words(
      "ClassVar Dict FINGERPRINT FULL_NAME List Optional Self TYPE_ID Tuple "
      "Union bool bytearray bytes classmethod dataclasses dict float int "
      "from_bytes list memoryview self str to_bytes");
  return kNames.find(name) != kNames.end();
}

// What stands at the top of a module besides that, and what its functions
// mention or call their variables.
bool IsModuleName(std::string_view name) {
  static const NameSet kNames = Words(
      "AttributeError Callable Exception IndexError OverflowError "
      "SCHEMA_DESCRIPTOR_SET SCHEMA_DIGEST TYPE_CHECKING TypeError TypeVar "
      "UnicodeDecodeError UnicodeEncodeError ValueError abs annotations cls "
      "data depth divmod end enum error fields getattr isinstance key len map "
      "message name number object out packed pos put range size stop struct "
      "tag tuple type value");
  return kNames.find(name) != kNames.end();
}

// Attributes of int and of Enum, which an IntEnum's members would hide.
bool IsEnumName(std::string_view name) {
  static const NameSet kNames = Words(
      "as_integer_ratio bit_count bit_length conjugate denominator "
      "from_bytes imag is_integer mro name numerator real to_bytes value");
  return kNames.find(name) != kNames.end();
}

// A leading underscore is for what is the module's own.
bool IsPrivate(std::string_view name) { return name[0] == '_'; }

std::string Escaped(std::string name) {
  name.erase(0, name.find_first_not_of('_'));
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) name.insert(0, "x");
  return name + "_";
}

// Those of Python 3.10 to 3.13.
bool IsStandardLibrary(std::string_view module) {
  static const NameSet kModules = Words(
      "abc aifc antigravity argparse array ast asynchat asyncio asyncore "
      "atexit audioop base64 bdb binascii binhex bisect builtins bz2 "
      "cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop "
      "collections colorsys compileall concurrent configparser contextlib "
      "contextvars copy copyreg crypt csv ctypes curses dataclasses "
      "datetime dbm decimal difflib dis distutils doctest email encodings "
      "ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch "
      "fractions ftplib functools gc genericpath getopt getpass gettext "
      "glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib "
      "imghdr imp importlib inspect io ipaddress itertools json keyword "
      "lib2to3 linecache locale logging lzma mailbox mailcap marshal math "
      "mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis "
      "nntplib nt ntpath nturl2path numbers opcode operator optparse os "
      "ossaudiodev pathlib pdb pickle pickletools pipes pkgutil platform "
      "plistlib poplib posix posixpath pprint profile pstats pty pwd "
      "py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re "
      "readline reprlib resource rlcompleter runpy sched secrets select "
      "selectors shelve shlex shutil signal site smtpd smtplib sndhdr "
      "socket socketserver spwd sqlite3 sre_compile sre_constants "
      "sre_parse ssl stat statistics string stringprep struct subprocess "
      "sunau symtable sys sysconfig syslog tabnanny tarfile telnetlib "
      "tempfile termios textwrap this threading time timeit tkinter token "
      "tokenize tomllib trace traceback tracemalloc tty turtle turtledemo "
      "types typing unicodedata unittest urllib uu uuid venv warnings wave "
      "weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp "
      "zipfile zipimport zlib zoneinfo");
  return kModules.find(module) != kModules.end();
}

bool IsIdentifier(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && is_letter(name[0]) && !IsKeyword(name) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return is_letter(c) || (c >= '0' && c <= '9');
         });
}

std::vector<std::string> Split(const std::string& text, char at) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == at) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// "dir/chat_v1" of dir/chat-v1.proto
std::string ModulePath(const FileDescriptor& file) {
  std::string path = file.name();
  constexpr std::string_view kSuffix = ".proto";
  if (path.size() > kSuffix.size() &&
      path.compare(path.size() - kSuffix.size(), kSuffix.size(), kSuffix) ==
          0) {
    path.resize(path.size() - kSuffix.size());
  }
  std::replace(path.begin(), path.end(), '-', '_');
  return path;
}

}  // namespace

std::string PythonModule(const FileDescriptor& file) {
  std::string path = ModulePath(file);
  std::replace(path.begin(), path.end(), '/', IsWellKnown(file) ? '_' : '.');
  return path;
}

std::string FindModuleFault(const FileDescriptor& file) {
  const std::vector<std::string> parts = Split(ModulePath(file), '/');
  const std::string subject =
      file.name() + ":1:1: the Python module " + PythonModule(file);
  for (const std::string& part : parts) {
    if (IsIdentifier(part)) continue;
    return subject + " could not be imported for \"" + part +
           "\", allowed a name of letters, digits and _ that is no keyword";
  }
  if (!IsStandardLibrary(parts[0])) return {};
  return subject + " would hide the standard library's" +
         (parts.size() == 1 ? ", allowed another file name"
                            : " " + parts[0] + ", allowed another folder name");
}

PythonNames::PythonNames(const FileDescriptor& file) {
  Wanted classes;
  for (int i = 0; i < file.enum_type_count(); ++i) {
    classes.emplace_back(file.enum_type(i), file.enum_type(i)->name());
    NameMembers(*file.enum_type(i));
  }
  for (int i = 0; i < file.message_type_count(); ++i) {
    classes.emplace_back(file.message_type(i), file.message_type(i)->name());
  }
  for (int i = 0; i < file.message_type_count(); ++i) {
    CollectNested(*file.message_type(i), file.message_type(i)->name(),
                  &classes);
  }
  Assign(
      classes,
      [](const std::string& name) {
        return IsKeyword(name) || IsPrivate(name) || IsClassName(name) ||
               IsModuleName(name);
      },
      &names_);
}

template <typename IsReserved>
std::set<std::string> PythonNames::Assign(const Wanted& wanted,
                                          IsReserved is_reserved,
                                          Names* names) {
  std::set<std::string> taken;
  for (const auto& [key, name] : wanted) {
    if (!is_reserved(name) && taken.insert(name).second) {
      names->emplace(key, name);
    }
  }
  for (const auto& [key, wish] : wanted) {
    if (names->count(key) > 0) continue;
    std::string name = Escaped(wish);
    while (is_reserved(name) || !taken.insert(name).second) name += '_';
    names->emplace(key, name);
  }
  return taken;
}

void PythonNames::CollectNested(const Descriptor& message,
                                const std::string& prefix, Wanted* classes) {
  NameAttributes(message);
  for (int i = 0; i < message.enum_type_count(); ++i) {
    const EnumDescriptor& type = *message.enum_type(i);
    classes->emplace_back(&type, prefix + "_" + type.name());
    NameMembers(type);
  }
  for (int i = 0; i < message.nested_type_count(); ++i) {
    const Descriptor& nested = *message.nested_type(i);
    if (nested.options().map_entry()) continue;
    const std::string name = prefix + "_" + nested.name();
    classes->emplace_back(&nested, name);
    CollectNested(nested, name, classes);
  }
}

void PythonNames::NameAttributes(const Descriptor& message) {
  std::set<std::string> questions;
  for (int i = 0; i < message.real_oneof_decl_count(); ++i) {
    questions.insert("which_" + message.oneof_decl(i)->name());
  }
  Wanted wanted;
  for (int i = 0; i < message.field_count(); ++i) {
    wanted.emplace_back(message.field(i), message.field(i)->name());
  }
  for (int i = 0; i < message.enum_type_count(); ++i) {
    wanted.emplace_back(message.enum_type(i), message.enum_type(i)->name());
  }
  for (int i = 0; i < message.nested_type_count(); ++i) {
    if (message.nested_type(i)->options().map_entry()) continue;
    wanted.emplace_back(message.nested_type(i), message.nested_type(i)->name());
  }
  Names names;
  attributes_[&message] = Assign(
      wanted,
      [&](const std::string& name) {
        return IsKeyword(name) || IsPrivate(name) || IsClassName(name) ||
               questions.count(name) > 0;
      },
      &names);
  attributes_[&message].merge(questions);
  for (int i = 0; i < message.field_count(); ++i) {
    names_[message.field(i)] = names[message.field(i)];
    names.erase(message.field(i));
  }
  aliases_.insert(names.begin(), names.end());
}

void PythonNames::NameMembers(const EnumDescriptor& type) {
  Wanted wanted;
  for (int i = 0; i < type.value_count(); ++i) {
    wanted.emplace_back(type.value(i), type.value(i)->name());
  }
  Assign(
      wanted,
      [](const std::string& name) {
        return IsKeyword(name) || IsPrivate(name) || IsEnumName(name);
      },
      &names_);
}

PythonReferences::PythonReferences(const FileDescriptor& module)
    : module_(module) {}

const PythonNames& PythonReferences::NamesOf(const FileDescriptor& file) const {
  return names_.try_emplace(&file, file).first->second;
}

std::string PythonReferences::ClassOf(const FieldDescriptor& field,
                                      const Descriptor* scope) {
  std::string name;
  if (field.message_type() != nullptr) name = Class(*field.message_type());
  if (field.enum_type() != nullptr) name = Class(*field.enum_type());
  if (name.empty() || scope == nullptr || !names().HasAttribute(*scope, name)) {
    return name;
  }
  hidden_.insert(name);
  return HiddenName(name);
}

std::string PythonReferences::Annotation(const FieldDescriptor& field,
                                         const std::string& class_name) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return "float";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "bool";
    case FieldDescriptor::CPPTYPE_ENUM:
      return "Union[" + class_name + ", int]";
    case FieldDescriptor::CPPTYPE_STRING:
      return field.type() == FieldDescriptor::TYPE_BYTES ? "bytes" : "str";
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return class_name;
    default:
      return "int";
  }
}

std::string PythonReferences::Zero(const FieldDescriptor& field,
                                   const std::string& class_name) const {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return "0.0";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "False";
    case FieldDescriptor::CPPTYPE_ENUM: {
      const google::protobuf::EnumDescriptor& type = *field.enum_type();
      return class_name + "." + NamesOf(*type.file()).Attribute(*type.value(0));
    }
    case FieldDescriptor::CPPTYPE_STRING:
      return field.type() == FieldDescriptor::TYPE_BYTES ? "b\"\"" : "\"\"";
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return class_name + "()";
    default:
      return "0";
  }
}

std::string PythonReferences::Prefix(const FileDescriptor& file) {
  if (&file == &module_) return {};
  const std::string module = PythonModule(file);
  std::string alias = "_" + Split(ModulePath(file), '/').back();
  while (IsWireName(alias) ||
         imports_.try_emplace(alias, module).first->second != module) {
    alias += '_';
  }
  return alias + ".";
}

}  // namespace mycelium::plugin
