// Schemas for tests, from the text of .proto files.
#ifndef MYCELIUM_TESTS_DESCRIPTOR_SET_OF_H_
#define MYCELIUM_TESTS_DESCRIPTOR_SET_OF_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/schema.h"

namespace mycelium {

// A serialized FileDescriptorSet of `files` (name, text) in their order,
// imported ones first; mycelium/options.proto may be imported.  Dies of what
// protoc would refuse.
std::string DescriptorSetOf(
    const std::vector<std::pair<std::string, std::string>>& files);

// Of one proto3 file, whose syntax and import of mycelium/options.proto are not
// in `text`.
std::string DescriptorSetOf(std::string_view text);

std::shared_ptr<const Schema> SchemaOf(std::string_view text);

}  // namespace mycelium

#endif  // MYCELIUM_TESTS_DESCRIPTOR_SET_OF_H_
