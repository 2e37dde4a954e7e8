#include "tests/descriptor_set_of.h"

#include "glog/logging.h"
#include "google/protobuf/compiler/parser.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "mycelium/options.pb.h"

namespace mycelium {
namespace {

namespace pb = google::protobuf;

class Fatal : public pb::io::ErrorCollector,
              public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& text) override {
    LOG(FATAL) << line << ":" << column << ": " << text;
  }
  void AddError(const std::string&, const std::string& element,
                const pb::Message*, ErrorLocation,
                const std::string& text) override {
    LOG(FATAL) << element << ": " << text;
  }
};

}  // namespace

std::string DescriptorSetOf(
    const std::vector<std::pair<std::string, std::string>>& files) {
  TypeIdRange::descriptor();  // so that the options are linked in
  Fatal fatal;
  pb::DescriptorPool pool(pb::DescriptorPool::generated_pool());
  pb::FileDescriptorSet set;
  for (const auto& [name, text] : files) {
    pb::io::ArrayInputStream input(text.data(), static_cast<int>(text.size()));
    pb::io::Tokenizer tokenizer(&input, &fatal);
    pb::compiler::Parser parser;
    parser.RecordErrorsTo(&fatal);
    pb::FileDescriptorProto parsed;
    CHECK(parser.Parse(&tokenizer, &parsed));
    parsed.set_name(name);
    pool.BuildFileCollectingErrors(parsed, &fatal)->CopyTo(set.add_file());
  }
  return set.SerializeAsString();
}

std::string DescriptorSetOf(std::string_view text) {
  return DescriptorSetOf(
      {{"test.proto",
        "syntax = \"proto3\"; import \"mycelium/options.proto\"; " +
            std::string(text)}});
}

std::shared_ptr<const Schema> SchemaOf(std::string_view text) {
  std::string why;
  std::shared_ptr<const Schema> schema =
      Schema::Parse(DescriptorSetOf(text), &why);
  CHECK(schema != nullptr) << why;
  return schema;
}

}  // namespace mycelium
