// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/plan_redaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

absl::Status Refused(const std::string& why) {
  return WithHint(absl::PermissionDeniedError(fmt::format("the plan is refused by redaction: {}", why)),
                  "resolve it again with the rules of this daemon, or without --plan");
}

bool IsIdentifierStart(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$'; }
bool IsIdentifierPart(char c) { return IsIdentifierStart(c) || std::isdigit(static_cast<unsigned char>(c)) != 0; }

// The first identifier of an expression, outside of string and character literals, that a rule matches.
std::string SecretIn(const RedactionRules& rules, std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '"' || text[i] == '\'') {
      const char quote = text[i++];
      while (i < text.size() && text[i] != quote) i += text[i] == '\\' ? 2 : 1;
      ++i;
      continue;
    }
    if (!IsIdentifierStart(text[i])) {
      ++i;
      continue;
    }
    const size_t begin = i;
    while (i < text.size() && IsIdentifierPart(text[i])) ++i;
    const std::string_view name = text.substr(begin, i - begin);
    if (rules.ForName(name)) return std::string(name);
  }
  return "";
}

absl::Status CheckTexts(const RedactionRules& rules, const v1::ResolvedLogpoint& plan) {
  if (const std::string name = SecretIn(rules, plan.condition()); !name.empty()) {
    return Refused(fmt::format("its condition reads '{}'", name));
  }
  for (int i = 0; i < plan.parsed_template().expressions_size(); ++i) {
    const std::string name = SecretIn(rules, plan.parsed_template().expressions(i).text());
    if (name.empty()) continue;
    for (const v1::Statement& statement : plan.statements()) {
      for (const v1::CandidateSite& site : statement.candidates()) {
        if (i < site.expressions_size() && site.expressions(i).status() == v1::STATUS_OK) {
          return Refused(fmt::format("it reads '{}'", name));
        }
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

v1::Redaction RedactionPolicy::ToProto() const {
  v1::Redaction out;
  out.mutable_names()->Add(config.names.begin(), config.names.end());
  out.mutable_types()->Add(config.types.begin(), config.types.end());
  out.mutable_exclude()->Add(config.exclude.begin(), config.exclude.end());
  return out;
}

absl::Status CheckRedaction(const RedactionRules& rules, const v1::ResolvedLogpoint& plan, bool given) {
  if (!rules.active()) return absl::OkStatus();
  if (!plan.redaction()) return Refused("it was made without");
  for (const v1::Type& type : plan.types()) {
    if (type.redacted().empty() && rules.ForType(type.name())) {
      return Refused(fmt::format("it captures objects of type '{}'", type.name()));
    }
    for (const v1::Field& field : type.fields()) {
      if (!type.redacted().empty() || !field.redacted().empty()) continue;
      if (rules.ForName(field.name(), type.name())) {
        return Refused(fmt::format("it captures '{}' of {}", field.name(), type.name()));
      }
    }
  }
  return given ? CheckTexts(rules, plan) : absl::OkStatus();
}

}  // namespace dlog::daemon
