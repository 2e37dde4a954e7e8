// protoc-gen-mycelium: the plugin of protoc that writes message classes.
//
//   protoc --mycelium_out=python:DIR chat.proto
//
// The files of one call, with all that they import, are one schema.

#include <google/protobuf/compiler/plugin.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "proto/plugin/descriptor_set.h"
#include "proto/plugin/generator.h"
#include "proto/plugin/validation.h"

namespace mycelium::plugin {
namespace {

using google::protobuf::FileDescriptor;
using google::protobuf::compiler::GeneratorContext;

class Generator : public google::protobuf::compiler::CodeGenerator {
 public:
  uint64_t GetSupportedFeatures() const override {
    return FEATURE_PROTO3_OPTIONAL;
  }

  bool GenerateAll(const std::vector<const FileDescriptor*>& files,
                   const std::string& language, GeneratorContext* context,
                   std::string* error) const override {
    static const std::map<std::string, GenerateFunction*> kLanguages = {
        {"cpp", GenerateCpp},
        {"ocaml", GenerateOcaml},
        {"python", GeneratePython}};
    const auto generate = kLanguages.find(language);
    if (generate == kLanguages.end()) {
      *error = "language \"" + language +
               "\", allowed cpp, ocaml or python: "
               "--mycelium_out=python:FOLDER";
      return false;
    }
    const std::vector<std::string> faults = FindFaults(files);
    if (!faults.empty()) {
      for (const std::string& fault : faults) *error += "\n" + fault;
      return false;
    }
    Input input;
    input.files = files;
    std::sort(input.files.begin(), input.files.end(),
              [](const FileDescriptor* a, const FileDescriptor* b) {
                return a->name() < b->name();
              });
    input.schema = Schema::Parse(EncodeDescriptorSet(input.files), error);
    return input.schema != nullptr && generate->second(input, context, error);
  }

  bool Generate(const FileDescriptor* file, const std::string& language,
                GeneratorContext* context, std::string* error) const override {
    return GenerateAll({file}, language, context, error);
  }
};

}  // namespace
}  // namespace mycelium::plugin

int main(int argc, char** argv) {
  mycelium::plugin::Generator generator;
  return google::protobuf::compiler::PluginMain(argc, argv, &generator);
}
