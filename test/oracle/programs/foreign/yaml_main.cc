// SPDX-License-Identifier: Apache-2.0
//
// Drives yaml-cpp: load, convert, change, emit, several documents, errors. Nothing here depends on time or chance.
#include <yaml-cpp/yaml.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

int main() {
  YAML::Node node = YAML::Load(
      "a: &x [1, 2.5, three]\nb: {c: *x, d: ~, e: 'q''s'}\nf: |\n  lit\n  eral\ng: >-\n  fol\n  ded\nh: 0x1F\n"
      "? complex\n: value\ni: [true, no, \"\\u00e9\"]\n");
  for (const auto& entry : node)
    std::printf("%s: %s\n", entry.first.as<std::string>().c_str(), YAML::Dump(entry.second).c_str());
  std::printf("%d %f\n", node["h"].as<int>(), node["a"][1].as<double>());
  node["new"]["k"] = std::vector<int>{1, 2, 3};
  node["m"] = std::map<std::string, int>{{"z", 1}};
  YAML::Emitter out;
  out << YAML::BeginMap << YAML::Key << "k" << YAML::Value << YAML::Flow << std::vector<int>{4, 5} << YAML::Key << "l"
      << YAML::Literal << "x\ny" << YAML::EndMap;
  std::printf("%s\n%zu %zu\n", out.c_str(), YAML::LoadAll("--- 1\n--- [a]\n...\n").size(), YAML::Clone(node).size());
  try {
    YAML::Load("a: [1");
  } catch (const YAML::Exception& error) {
    std::printf("%s\n", error.what());
  }
}
