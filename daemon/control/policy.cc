// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

uint64_t Clamp(uint64_t asked, const LimitRange& range, const char* what, std::vector<std::string>* warnings) {
  const uint64_t given = std::clamp(asked, range.minimum, range.maximum);
  if (given != asked) warnings->push_back(fmt::format("{} {} is out of range: {} is used", what, asked, given));
  return given;
}

uint64_t ClampOrDefault(uint64_t asked, const LimitRange& range, const char* what, std::vector<std::string>* warnings) {
  return asked == 0 ? range.standard : Clamp(asked, range, what, warnings);
}

void ApplyLimits(v1::Limits* limits, std::vector<std::string>* warnings) {
  limits->set_ttl_ms(ClampOrDefault(limits->ttl_ms(), kTtlMs, "ttl in ms", warnings));
  if (!limits->has_rate_per_second()) {
    limits->set_rate_per_second(kRatePerSecond.standard);
  } else {
    limits->set_rate_per_second(Clamp(limits->rate_per_second(), kRatePerSecond, "rate", warnings));
  }
  const auto narrow = [&](uint32_t asked, const LimitRange& range, const char* what) {
    return static_cast<uint32_t>(ClampOrDefault(asked, range, what, warnings));
  };
  limits->set_depth(narrow(limits->depth(), kDepth, "depth"));
  limits->set_items(narrow(limits->items(), kItems, "items"));
  limits->set_string_bytes(narrow(limits->string_bytes(), kStringBytes, "string bytes"));
  limits->set_event_bytes(narrow(limits->event_bytes(), kEventBytes, "event bytes"));
  limits->set_every(ClampOrDefault(limits->every(), kEvery, "every", warnings));
  const auto clamp_part = [warnings](double asked, double standard, double minimum, double maximum, const char* what) {
    if (std::isnan(asked) || asked == 0) return standard;
    const double given = std::clamp(asked, minimum, maximum);
    if (given != asked) warnings->push_back(fmt::format("{} {} is out of range: {} is used", what, asked, given));
    return given;
  };
  limits->set_sample(clamp_part(limits->sample(), 1, kMinimumSample, 1, "sample"));
  limits->set_budget(clamp_part(limits->budget(), kStandardBudget, kMinimumBudget, kMaximumBudget, "budget"));
}

absl::Status CheckSize(size_t size, size_t maximum, const char* what) {
  if (size <= maximum) return absl::OkStatus();
  return WithHint(
      absl::InvalidArgumentError(fmt::format("{} has {} bytes; at most {} are allowed", what, size, maximum)),
      fmt::format("shorten the {}", what));
}

absl::Status CheckTags(const v1::LogpointSpec& spec) {
  if (spec.tags_size() > kMaxTags) {
    return WithHint(
        absl::InvalidArgumentError(fmt::format("{} tags; at most {} are allowed", spec.tags_size(), kMaxTags)),
        "use fewer --tag options");
  }
  for (const std::string& tag : spec.tags()) {
    if (auto status = CheckSize(tag.size(), kMaxTagBytes, "tag"); !status.ok()) return status;
    if (tag.empty() || std::any_of(tag.begin(), tag.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
      return WithHint(absl::InvalidArgumentError("a tag is empty or has control characters"),
                      "tags are short words, for example --tag incident-42");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckStrings(const v1::LogpointSpec& spec) {
  const struct {
    size_t size, maximum;
    const char* what;
  } strings[] = {{spec.location().size(), kMaxLocationBytes, "location"},
                 {spec.template_().size(), kMaxTemplateBytes, "text"},
                 {spec.condition().size(), kMaxConditionBytes, "condition"},
                 {spec.target().exe_path().size(), kMaxPathBytes, "path"},
                 {spec.target().binary_path().size(), kMaxPathBytes, "path"},
                 {spec.target().debug_file().size(), kMaxPathBytes, "path"}};
  for (const auto& string : strings) {
    if (auto status = CheckSize(string.size, string.maximum, string.what); !status.ok()) return status;
  }
  if (spec.target().debug_directories_size() > kMaxSelectors) {
    return absl::InvalidArgumentError(fmt::format("more than {} debug directories", kMaxSelectors));
  }
  for (const std::string& directory : spec.target().debug_directories()) {
    if (auto status = CheckSize(directory.size(), kMaxPathBytes, "path"); !status.ok()) return status;
    if (directory.empty() || directory.front() != '/') {
      return absl::InvalidArgumentError("a debug directory needs an absolute path");
    }
  }
  if (spec.target().selectors_size() > kMaxSelectors) {
    return absl::InvalidArgumentError(fmt::format("more than {} target selectors", kMaxSelectors));
  }
  for (const std::string& selector : spec.target().selectors()) {
    if (auto status = CheckSize(selector.size(), kMaxPathBytes, "selector"); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplyPolicy(v1::LogpointSpec* spec, std::vector<std::string>* warnings) {
  if (auto status = CheckStrings(*spec); !status.ok()) return status;
  if (auto status = CheckTags(*spec); !status.ok()) return status;
  if (!v1::Level_IsValid(spec->level()) || !v1::LogpointKind_IsValid(spec->kind()) ||
      !v1::SitePolicy_IsValid(spec->site_policy())) {
    return WithHint(absl::InvalidArgumentError("level, kind or site policy is one that this version does not know"),
                    "use a dlogctl of the daemon's version");
  }
  if (spec->level() == v1::LEVEL_UNSPECIFIED) spec->set_level(v1::LEVEL_INFO);
  if (spec->kind() == v1::KIND_UNSPECIFIED) spec->set_kind(v1::KIND_LOG);
  ApplyLimits(spec->mutable_limits(), warnings);
  return absl::OkStatus();
}

}  // namespace dlog::daemon
