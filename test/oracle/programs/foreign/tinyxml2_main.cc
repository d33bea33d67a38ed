// SPDX-License-Identifier: Apache-2.0
//
// Runs the same way through tinyxml2 each time: parses, walks, changes and prints a document.
#include <cstdio>
#include <string>

#include "tinyxml2.h"

namespace {

constexpr const char kDocument[] = R"(<?xml version="1.0"?>
<!-- orders -->
<orders day="7" open="true">
  <order id="17" total="12.5"><item>bread &amp; butter</item><item>tea &#x263a;</item></order>
  <order id="18" total="-3"><![CDATA[ <raw> ]]><empty/></order>
  <!ELEMENT unknown>
</orders>)";

int Walk(const tinyxml2::XMLNode* node, int depth) {
  int found = depth;
  for (const tinyxml2::XMLNode* child = node->FirstChild(); child != nullptr; child = child->NextSibling()) {
    if (const tinyxml2::XMLElement* element = child->ToElement()) {
      double total = 0;
      if (element->QueryDoubleAttribute("total", &total) == tinyxml2::XML_SUCCESS) found += static_cast<int>(total);
      found += element->IntAttribute("id", 1);
    }
    found += Walk(child, depth + 1);
  }
  return found;
}

}  // namespace

int main() {
  tinyxml2::XMLDocument document;
  int sum = static_cast<int>(document.Parse(kDocument));
  sum += Walk(&document, 0);
  tinyxml2::XMLElement* root = document.RootElement();
  for (int i = 0; i < 3; ++i) {
    tinyxml2::XMLElement* added = root->InsertNewChildElement("added");
    added->SetAttribute("number", i);
    added->SetText(("text <" + std::to_string(i) + ">").c_str());
  }
  root->DeleteChild(root->FirstChildElement("order"));
  tinyxml2::XMLDocument copy;
  document.DeepCopy(&copy);
  tinyxml2::XMLPrinter printer;
  copy.Print(&printer);
  tinyxml2::XMLDocument broken;
  sum += static_cast<int>(broken.Parse("<a><b></a>"));
  std::printf("%d %d\n", sum, static_cast<int>(printer.CStrSize()));
  return 0;
}
