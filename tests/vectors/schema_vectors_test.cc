// schemas.txt and compatibility.txt against proto/schema.h.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/schema.h"
#include "tests/descriptor_set_of.h"
#include "tests/vectors/vector_file.h"

namespace mycelium {
namespace {

std::shared_ptr<const Schema> Parsed(const std::string& descriptor_set) {
  std::string why;
  auto schema = Schema::Parse(descriptor_set, &why);
  EXPECT_NE(schema, nullptr) << why;
  return schema;
}

std::string Lines(const Vector& vector, const std::string& key) {
  std::string text;
  for (const std::string& line : vector.List(key)) text += line + "\n";
  return text;
}

std::shared_ptr<const Schema> BodyOf(const Vector& vector,
                                     const std::string& key) {
  return SchemaOf("package v; " + vector.Get(key));
}

class SchemaVectors : public testing::TestWithParam<Vector> {};

TEST_P(SchemaVectors, CanonicalTextAndDigestsAreThese) {
  const Vector& vector = GetParam();
  const auto schema =
      Parsed(DescriptorSetOf({{"v.proto", Lines(vector, "proto")}}));
  EXPECT_EQ(schema->CanonicalText(), Lines(vector, "schema"));
  EXPECT_EQ(DigestText(schema->digest()), vector.Get("digest"));
  if (!vector.Has("canonical")) {
    EXPECT_TRUE(schema->types().empty());
    return;
  }
  const Schema::MessageType& type = schema->types().at(0);
  EXPECT_EQ(schema->CanonicalText(type), Lines(vector, "canonical"));
  EXPECT_EQ(DigestText(type.fingerprint), "m1:" + vector.Get("fingerprint"));
}

class CompatibilityVectors : public testing::TestWithParam<Vector> {};

TEST_P(CompatibilityVectors, OffencesAreThese) {
  const Vector& vector = GetParam();
  const auto now = BodyOf(vector, "now"), before = BodyOf(vector, "before");
  const NamedSchema here{*now, "here"}, there{*before, "at the broker"};
  std::vector<std::string> expected = vector.List("incompatible");
  EXPECT_EQ(Incompatibilities(here, there), expected);
  for (const std::string& line : vector.List("breaking")) {
    expected.push_back(line);
  }
  EXPECT_EQ(BreakingChanges(here, there), expected);
}

TEST_P(CompatibilityVectors, CompatibilityIsTheSameTheOtherWayRound) {
  const auto now = BodyOf(GetParam(), "now");
  const auto before = BodyOf(GetParam(), "before");
  EXPECT_EQ(Incompatibilities({*now, "here"}, {*before, "there"}).size(),
            Incompatibilities({*before, "here"}, {*now, "there"}).size());
}

TEST_P(CompatibilityVectors, NothingBreaksASchemaAgainstItself) {
  const auto now = BodyOf(GetParam(), "now");
  EXPECT_TRUE(BreakingChanges({*now, "here"}, {*now, "there"}).empty());
}

std::string NameOf(const testing::TestParamInfo<Vector>& info) {
  std::string name = info.param.Get("name");
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(c) == 0; },
      '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    Vectors, SchemaVectors,
    testing::ValuesIn(ReadVectors("tests/vectors/schemas.txt")), NameOf);
INSTANTIATE_TEST_SUITE_P(
    Vectors, CompatibilityVectors,
    testing::ValuesIn(ReadVectors("tests/vectors/compatibility.txt")), NameOf);

}  // namespace
}  // namespace mycelium
