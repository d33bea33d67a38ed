// SPDX-License-Identifier: Apache-2.0
#include "daemon/config/yaml.h"

#include <string>

#include "test/catch.h"

namespace dlog {
namespace {

std::string ErrorOf(const std::string& text) {
  auto parsed = ParseYaml(text, "f");
  return parsed.ok() ? "" : std::string(parsed.status().message());
}

TEST_CASE("a document is a tree whose nodes know their lines") {
  auto documents = ParseYaml("a: 1\nb:\n  - x\n  - c: 'y z'\n", "f");
  REQUIRE(documents.ok());
  REQUIRE(documents->size() == 1);
  const YamlNode& root = documents->front();
  REQUIRE(root.kind == YamlNode::Kind::kMap);
  CHECK(root.map[0].key == "a");
  CHECK(root.map[0].value.scalar == "1");
  const YamlNode& list = root.map[1].value;
  REQUIRE(list.kind == YamlNode::Kind::kList);
  CHECK(list.list[0].line == 3);
  CHECK(list.list[1].map[0].line == 4);
  CHECK(list.list[1].map[0].value.scalar == "y z");
}

TEST_CASE("several documents come one after the other") {
  auto documents = ParseYaml("a: 1\n---\na: 2\n", "f");
  REQUIRE(documents.ok());
  REQUIRE(documents->size() == 2);
  CHECK(documents->at(1).map[0].line == 3);
}

TEST_CASE("errors name the line") {
  CHECK(ErrorOf("a: 1\nb: [1\n").find("f:3:") == 0);
  CHECK(ErrorOf("a: 1\na: 2\n") == "f:2: key 'a' is there twice");
  CHECK(ErrorOf("a: 1\n[x]: 2\n").find("f:2:") == 0);
  CHECK(ErrorOf("a: *nowhere\n").find("f:1:") == 0);
}

TEST_CASE("aliases that multiply and endless nesting are refused") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j == 0 ? "*a" : ", *a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  CHECK(ErrorOf(bomb).find("too many values") != std::string::npos);
  CHECK(!ErrorOf(std::string(100, '[')).empty());
  CHECK(ErrorOf(std::string(40, '[') + std::string(40, ']')).find("nested too deep") != std::string::npos);
  CHECK(ErrorOf(std::string(kMaxYamlBytes + 1, '#')).find("at most") != std::string::npos);
}

}  // namespace
}  // namespace dlog
