// SPDX-License-Identifier: Apache-2.0
//
// Drives nlohmann's JSON: parse, own types, patches, the binary formats, errors. Nothing here depends on time or
// chance.
#include <cstdio>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"

using nlohmann::json;

struct Order {
  int id;
  std::string name;
  std::vector<double> prices;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, id, name, prices)

int main() {
  json document = json::parse(
      R"({"a":1,"b":[1,2.5,"x\u00e9y",null,true,{"k":[[],{}]}],"c":{"d":-12345678901,"e":1e300},"s":"line\n\ttab"})");
  document["new"] = {{"p", 1}, {"q", {1, 2, 3}}};
  for (const auto& [key, value] : document.items()) std::printf("%s=%s\n", key.c_str(), value.dump().c_str());
  const json order = Order{3, "hello", {1.5, 2.5}};
  std::printf("%s\n", order.get<Order>().name.c_str());
  std::printf("%s\n", document.patch(json::diff(document, order)).dump(2).c_str());
  const bool same = json::from_cbor(json::to_cbor(document)) == document;
  const bool as_well = json::from_msgpack(json::to_msgpack(document)) == document;
  std::printf("%d %d %zu %zu\n", same, as_well, json::to_ubjson(document).size(), json::to_bson(document).size());
  std::printf("%s\n", document.flatten().dump().c_str());
  try {
    (void)json::parse("[1,2,,]");
  } catch (const json::exception& error) {
    std::printf("%s\n", error.what());
  }
  document.merge_patch(json::parse(R"({"a":null,"z":9})"));
  std::printf("%s\n", document.at(json::json_pointer("/b/5/k")).dump().c_str());
}
