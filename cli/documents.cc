// SPDX-License-Identifier: Apache-2.0
#include "cli/documents.h"

#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <set>

#include "cli/options.h"
#include "daemon/config/values.h"
#include "daemon/config/yaml.h"
#include "daemon/control/policy.h"
#include "daemon/format/event_json.h"
#include "daemon/format/json_writer.h"

namespace dlog::cli {
namespace {

constexpr size_t kMaxNameBytes = 128;

// One document on its way to a spec: through the options of the command line, so that both mean the same.
struct Document {
  std::string name, location, text;
  TargetOptions target;
  InstrumentOptions instrument;
};

template <typename T>
absl::Status SetNumber(const std::string& text, T* out) {
  auto number = ParseCount(text);
  if (!number.ok()) return number.status();
  *out = static_cast<T>(std::min<uint64_t>(*number, std::numeric_limits<T>::max()));
  return absl::OkStatus();
}

absl::Status SetFlag(const std::string& text, bool* out) {
  *out = text == "true";
  if (*out || text == "false") return absl::OkStatus();
  return absl::InvalidArgumentError("true or false is wanted");
}

struct Key {
  const char* name;
  absl::Status (*set)(const std::string& text, Document* out);
};

#define DLOG_TEXT_KEY(name, member)                    \
  {                                                    \
    name, [](const std::string& text, Document* out) { \
      out->member = text;                              \
      return absl::OkStatus();                         \
    }                                                  \
  }
#define DLOG_NUMBER_KEY(name, member)                                                          \
  {                                                                                            \
    name, [](const std::string& text, Document* out) { return SetNumber(text, &out->member); } \
  }

constexpr Key kKeys[] = {
    DLOG_TEXT_KEY("name", name),
    DLOG_TEXT_KEY("location", location),
    DLOG_TEXT_KEY("text", text),
    DLOG_TEXT_KEY("if", instrument.condition),
    DLOG_TEXT_KEY("level", instrument.level),
    DLOG_TEXT_KEY("ttl", instrument.ttl),
    DLOG_TEXT_KEY("rate", instrument.rate),
    DLOG_TEXT_KEY("bytes", instrument.event_bytes),
    DLOG_TEXT_KEY("site", instrument.site),
    DLOG_TEXT_KEY("sample", instrument.sample),
    DLOG_TEXT_KEY("budget", instrument.budget),
    DLOG_NUMBER_KEY("hits", instrument.hits),
    DLOG_NUMBER_KEY("every", instrument.every),
    DLOG_NUMBER_KEY("depth", instrument.depth),
    DLOG_NUMBER_KEY("items", instrument.items),
    DLOG_NUMBER_KEY("string", instrument.string_bytes),
    {"recover", [](const std::string& text, Document* out) { return SetFlag(text, &out->instrument.recover); }},
};
constexpr Key kTargetKeys[] = {
    DLOG_NUMBER_KEY("pid", target.pid),
    DLOG_TEXT_KEY("exe", target.exe),
    DLOG_TEXT_KEY("debug-file", target.debug_file),
};

#undef DLOG_TEXT_KEY
#undef DLOG_NUMBER_KEY

class Reader {
 public:
  explicit Reader(const std::string& file) : file_(file) {}

  absl::StatusOr<v1::LogpointSpec> Read(const YamlNode& node) const {
    Document document;
    if (node.kind != YamlNode::Kind::kMap) return YamlError(file_, node.line, "a logpoint is a map");
    for (const YamlNode::Entry& entry : node.map) {
      absl::Status status;
      if (entry.key == "target") {
        status = ReadTarget(entry.value, &document);
      } else if (entry.key == "tags") {
        status = ReadList(entry, &document.instrument.tags);
      } else {
        status = Set(kKeys, entry, &document);
      }
      if (!status.ok()) return status;
    }
    for (const auto& [value, key] : {std::pair(&document.name, "name"), std::pair(&document.location, "location"),
                                     std::pair(&document.text, "text")}) {
      if (value->empty()) return YamlError(file_, node.line, fmt::format("a logpoint needs its {}", key));
    }
    return Finish(node, document);
  }

 private:
  template <size_t kCount>
  absl::Status Set(const Key (&keys)[kCount], const YamlNode::Entry& entry, Document* out) const {
    const auto key =
        std::find_if(std::begin(keys), std::end(keys), [&](const Key& each) { return each.name == entry.key; });
    if (key == std::end(keys)) return YamlError(file_, entry.line, fmt::format("unknown key '{}'", entry.key));
    if (entry.value.kind != YamlNode::Kind::kScalar) {
      return YamlError(file_, entry.line, fmt::format("{} takes one value", entry.key));
    }
    const absl::Status status = key->set(entry.value.scalar, out);
    return status.ok() ? status
                       : YamlError(file_, entry.line, fmt::format("{}: {}", entry.key, std::string(status.message())));
  }

  absl::Status ReadList(const YamlNode::Entry& entry, std::vector<std::string>* out) const {
    if (entry.value.kind != YamlNode::Kind::kList) {
      return YamlError(file_, entry.line, fmt::format("{} takes a list", entry.key));
    }
    for (const YamlNode& each : entry.value.list) {
      if (each.kind != YamlNode::Kind::kScalar) return YamlError(file_, each.line, "a plain value is expected");
      out->push_back(each.scalar);
    }
    return absl::OkStatus();
  }

  absl::Status ReadTarget(const YamlNode& node, Document* out) const {
    if (node.kind != YamlNode::Kind::kMap) return YamlError(file_, node.line, "target takes a map");
    for (const YamlNode::Entry& entry : node.map) {
      absl::Status status = entry.key == "selectors"    ? ReadList(entry, &out->target.selectors)
                            : entry.key == "debug-dirs" ? ReadList(entry, &out->target.debug_directories)
                                                        : Set(kTargetKeys, entry, out);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<v1::LogpointSpec> Finish(const YamlNode& node, const Document& document) const {
    const auto choice = [](const std::string& value, std::initializer_list<const char*> choices) {
      return std::find(choices.begin(), choices.end(), value) != choices.end();
    };
    if (document.name.size() > kMaxNameBytes) return YamlError(file_, node.line, "the name is too long");
    if (!choice(document.instrument.level, {"debug", "info", "warn", "error"})) {
      return YamlError(file_, node.line, "level is debug, info, warn or error");
    }
    if (!choice(document.instrument.site, {"auto", "exact"})) {
      return YamlError(file_, node.line, "site is auto or exact");
    }
    v1::LogpointSpec spec;
    absl::Status status = document.target.Fill(spec.mutable_target());
    if (status.ok()) status = document.instrument.Fill(&spec);
    if (!status.ok()) return YamlError(file_, node.line, std::string(status.message()));
    spec.set_name(document.name);
    spec.set_location(document.location);
    spec.set_template_(document.text);
    return spec;
  }

  const std::string& file_;
};

absl::StatusOr<std::vector<v1::LogpointSpec>> FromYaml(const std::vector<YamlNode>& documents,
                                                       const std::string& name) {
  std::vector<v1::LogpointSpec> specs;
  std::set<std::string> names;
  for (const YamlNode& document : documents) {
    if (document.kind == YamlNode::Kind::kNull) continue;
    auto spec = Reader(name).Read(document);
    if (!spec.ok()) return spec.status();
    if (!names.insert(spec->name()).second) {
      return YamlError(name, document.line, fmt::format("the name '{}' is there twice", spec->name()));
    }
    specs.push_back(*std::move(spec));
  }
  return specs;
}

// A JSON string is a YAML one.
std::string Quoted(std::string_view text) {
  std::string out;
  format::JsonWriter(&out).String(text);
  return out;
}

std::string List(const google::protobuf::RepeatedPtrField<std::string>& words) {
  std::vector<std::string> quoted;
  for (const std::string& word : words) quoted.push_back(Quoted(word));
  return fmt::format("[{}]", fmt::join(quoted, ", "));
}

std::string Target(const v1::Target& target) {
  std::vector<std::string> parts;
  if (target.pid() != 0) parts.push_back(fmt::format("pid: {}", target.pid()));
  if (!target.exe_path().empty()) parts.push_back("exe: " + Quoted(target.exe_path()));
  if (!target.debug_file().empty()) parts.push_back("debug-file: " + Quoted(target.debug_file()));
  for (const auto& [key, list] :
       {std::pair("debug-dirs", &target.debug_directories()), std::pair("selectors", &target.selectors())}) {
    if (!list->empty()) parts.push_back(fmt::format("{}: {}", key, List(*list)));
  }
  return fmt::format("{{{}}}", fmt::join(parts, ", "));
}

}  // namespace

absl::StatusOr<std::vector<v1::LogpointSpec>> ParseDocuments(const std::string& text, const std::string& name) {
  auto documents = ParseYaml(text, name);
  return documents.ok() ? FromYaml(*documents, name) : documents.status();
}

absl::StatusOr<std::vector<v1::LogpointSpec>> ReadDocuments(const std::string& path) {
  if (path == "-") {
    const std::string text((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
    return ParseDocuments(text, "standard input");
  }
  auto documents = ReadYamlFile(path);
  return documents.ok() ? FromYaml(*documents, path) : documents.status();
}

const std::string& DocumentName(const v1::LogpointSpec& spec) { return spec.name().empty() ? spec.id() : spec.name(); }

std::string WriteDocument(const v1::LogpointSpec& spec) {
  std::string out = fmt::format("name: {}\ntarget: {}\nlocation: {}\ntext: {}\n", Quoted(DocumentName(spec)),
                                Target(spec.target()), Quoted(spec.location()), Quoted(spec.template_()));
  if (!spec.condition().empty()) out += "if: " + Quoted(spec.condition()) + "\n";
  out += fmt::format("level: {}\n", format::LevelName(spec.level()));
  if (!spec.tags().empty()) out += fmt::format("tags: {}\n", List(spec.tags()));
  const v1::Limits& limits = spec.limits();
  // What is not set is left to the daemon.
  if (limits.ttl_ms() != 0) out += fmt::format("ttl: {}ms\n", limits.ttl_ms());
  if (limits.has_rate_per_second()) out += fmt::format("rate: {}/s\n", limits.rate_per_second());
  for (const auto& [key, value] :
       {std::pair("depth", limits.depth()), std::pair("items", limits.items()),
        std::pair("string", limits.string_bytes()), std::pair("bytes", limits.event_bytes())}) {
    if (value != 0) out += fmt::format("{}: {}\n", key, value);
  }
  // Not in percent: the same number has to come back.
  if (limits.sample() > 0 && limits.sample() < 1) out += fmt::format("sample: {}\n", limits.sample());
  if (limits.budget() != 0) out += fmt::format("budget: {}\n", limits.budget());
  if (limits.every() > 1) out += fmt::format("every: {}\n", limits.every());
  if (limits.hits() != 0) out += fmt::format("hits: {}\n", limits.hits());
  if (spec.site_policy() == v1::SITE_EXACT) out += "site: exact\n";
  if (spec.recover()) out += "recover: true\n";
  return out;
}

bool SameLogpoint(v1::LogpointSpec a, v1::LogpointSpec b) {
  std::vector<std::string> warnings;
  for (v1::LogpointSpec* spec : {&a, &b}) {
    (void)daemon::ApplyPolicy(spec, &warnings);
    spec->clear_id();
  }
  return google::protobuf::util::MessageDifferencer::Equals(a, b);
}

}  // namespace dlog::cli
