// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/valid_text.h"

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

namespace dlog::symbolizer {
namespace {

using google::protobuf::FieldDescriptor;

// Length of the valid UTF-8 sequence at `at` (RFC 3629: shortest form, no surrogates, up to U+10FFFF); 0 = none.
size_t SequenceLength(const std::string& text, size_t at) {
  const auto byte = [&](size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
  return length;
}

// True when something was replaced.
bool Repair(std::string* text) {
  bool changed = false;
  for (size_t at = 0; at < text->size();) {
    const size_t length = SequenceLength(*text, at);
    if (length == 0) {
      (*text)[at] = '?';
      changed = true;
    }
    at += length == 0 ? 1 : length;
  }
  return changed;
}

}  // namespace

void MakeTextValid(google::protobuf::Message* message) {
  const auto* reflection = message->GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) {
    const bool is_message = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (!is_message && field->type() != FieldDescriptor::TYPE_STRING) continue;
    if (!field->is_repeated()) {
      if (is_message) {
        MakeTextValid(reflection->MutableMessage(message, field));
      } else if (std::string text = reflection->GetString(*message, field); Repair(&text)) {
        reflection->SetString(message, field, std::move(text));
      }
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
      if (is_message) {
        MakeTextValid(reflection->MutableRepeatedMessage(message, field, i));
      } else if (std::string text = reflection->GetRepeatedString(*message, field, i); Repair(&text)) {
        reflection->SetRepeatedString(message, field, i, std::move(text));
      }
    }
  }
}

}  // namespace dlog::symbolizer
