// SPDX-License-Identifier: Apache-2.0
//
// Drives pugixml: parse, walk, XPath, change, print. Nothing here depends on time or chance.
#include <cstdio>
#include <sstream>
#include <string>

#include "pugixml.hpp"

int main() {
  std::string text =
      "<?xml version='1.0'?><root a='1' b='x&amp;y'><!-- c --><item id='3'>text &lt; more</item>"
      "<item id='4'><sub k='v'/>tail</item><![CDATA[raw]]></root>";
  for (int i = 0; i < 20; ++i) {
    text.insert(text.size() - 7,
                "<item id='" + std::to_string(i + 10) + "'><n>" + std::to_string(i * 1.5) + "</n></item>");
  }
  pugi::xml_document document;
  if (!document.load_string(text.c_str(), pugi::parse_full)) return 1;
  for (pugi::xml_node node : document.child("root").children("item"))
    std::printf("%d\n", node.attribute("id").as_int());
  const pugi::xpath_query query("//item[@id > 12 and contains(n,'5')]/n | /root/item[position()=2]/sub");
  for (const pugi::xpath_node& node : query.evaluate_node_set(document)) std::printf("%s\n", node.node().child_value());
  pugi::xpath_variable_set variables;
  variables.set("q", 3.0);
  std::printf("%f\n", pugi::xpath_query("sum(//item/@id) + count(//n) * $q", &variables).evaluate_number(document));
  pugi::xml_node added = document.child("root").append_child("new");
  added.append_attribute("z").set_value(3.25);
  document.child("root").remove_child("item");
  std::ostringstream out;
  document.save(out, "  ");
  std::printf("%s\n", out.str().c_str());
}
