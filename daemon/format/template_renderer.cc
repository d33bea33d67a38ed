// SPDX-License-Identifier: Apache-2.0
#include "daemon/format/template_renderer.h"

#include "daemon/format/text_escape.h"
#include "daemon/format/value_renderer.h"

namespace dlog::format {

void AppendMessageText(const Value& value, Text* out) {
  std::string_view text = value.text();
  switch (value.status()) {
    case v1::STATUS_OK:
    case v1::STATUS_PARTIAL:
    case v1::STATUS_RECOVERED:
      AppendBare(text, out);
      return;
    case v1::STATUS_TRUNCATED:
      // The marker says more than the dots of a cut string.
      if (value.scalar() == Value::Scalar::kString && text.ends_with("...")) text.remove_suffix(3);
      AppendBare(text, out);
      out->append(StatusText(value.status(), value.reason()));
      return;
    default:
      AppendBare(StatusText(value.status(), value.reason()), out);
  }
}

void RenderTemplate(const v1::ParsedTemplate& parsed, const event::ValueList& values, Text* out) {
  auto value = values.begin();
  for (int i = 0; i < parsed.expressions_size() || i < parsed.literals_size(); ++i) {
    if (i < parsed.literals_size()) AppendBare(parsed.literals(i), out);
    if (i >= parsed.expressions_size()) continue;
    if (value != values.end()) {
      AppendMessageText(*value, out);
      ++value;
    } else {
      out->append("<error: no value>");
    }
  }
}

}  // namespace dlog::format
