// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/visualizers/check.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "symbolizer/expr/ast.h"

namespace dlog::visualizers {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Places = google::protobuf::TextFormat::ParseInfoTree;

// What the text of a field is; all others are expressions.
constexpr std::string_view kNames[] = {"match", "name", "base", "reason", "base_class", "suffix", "leave_out"};
constexpr std::string_view kTypes[] = {"node", "element", "period", "type"};

bool IsOneOf(std::string_view name, const auto& names) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool IsDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The expressions of a type: "self:0" has none, "head:0:1 | tail:1" has two.
std::vector<std::string> ExpressionsOfType(const std::string& text) {
  std::vector<std::string> expressions;
  for (const absl::string_view part : absl::StrSplit(text, " | ")) {
    std::string_view choice(part.data(), part.size());
    for (size_t colon; (colon = choice.rfind(':')) != std::string_view::npos && IsDigits(choice.substr(colon + 1));) {
      choice = choice.substr(0, colon);
    }
    if (choice != "self" && choice != "node") expressions.emplace_back(choice);
  }
  return expressions;
}

int LineOf(const Places* places, const FieldDescriptor* field, int index) {
  return places == nullptr ? 0 : places->GetLocation(field, index).line + 1;
}

std::optional<Misuse> InText(const FieldDescriptor& field, const std::string& text) {
  if (IsOneOf(field.name(), kNames)) return std::nullopt;
  const auto expressions = IsOneOf(field.name(), kTypes) ? ExpressionsOfType(text) : std::vector<std::string>{text};
  for (const std::string& expression : expressions) {
    auto ast = expr::ParseExpression(expression);
    if (ast.ok()) continue;
    // The caret below the expression does not fit one line.
    const std::string why(ast.status().message());
    return Misuse{0, absl::StrCat(field.name(), ": \"", expression, "\": ", why.substr(0, why.find('\n')))};
  }
  return std::nullopt;
}

std::optional<Misuse> InMessage(const Message& message, const Places* places) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  std::string scratch;
  for (const FieldDescriptor* field : fields) {
    const bool repeated = field->is_repeated();
    const int count = repeated ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      const int place = repeated ? i : -1;
      std::optional<Misuse> misuse;
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        const Message& inner =
            repeated ? reflection.GetRepeatedMessage(message, field, i) : reflection.GetMessage(message, field);
        misuse = InMessage(inner, places == nullptr ? nullptr : places->GetTreeForNested(field, place));
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        misuse = InText(*field, repeated ? reflection.GetRepeatedStringReference(message, field, i, &scratch)
                                         : reflection.GetStringReference(message, field, &scratch));
      }
      if (!misuse) continue;
      if (misuse->line == 0) misuse->line = LineOf(places, field, place);
      return misuse;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Misuse> FindMisuse(const CatalogFile& file, const Places& places) {
  const auto* field = CatalogFile::descriptor()->FindFieldByNumber(CatalogFile::kVisualizerFieldNumber);
  for (int i = 0; i < file.visualizer_size(); ++i) {
    const Visualizer& visualizer = file.visualizer(i);
    if (visualizer.match().empty()) return Misuse{LineOf(&places, field, i), "a visualizer without `match`"};
    if (visualizer.shape_case() == Visualizer::SHAPE_NOT_SET) {
      return Misuse{LineOf(&places, field, i),
                    "a visualizer that does not say what the type is (string, sequence, ...)"};
    }
  }
  return InMessage(file, &places);
}

}  // namespace dlog::visualizers
