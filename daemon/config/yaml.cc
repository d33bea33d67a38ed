// SPDX-License-Identifier: Apache-2.0
#include "daemon/config/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <set>

namespace dlog {
namespace {

class Converter {
 public:
  explicit Converter(const std::string& name) : name_(name) {}

  absl::Status Convert(const YAML::Node& from, int depth, YamlNode* to) {
    to->line = LineOf(from);
    if (depth > kMaxYamlDepth || ++nodes_ > kMaxYamlNodes) {
      return YamlError(name_, to->line, "nested too deep, or too many values");
    }
    if (from.IsMap()) return ConvertMap(from, depth, to);
    if (from.IsSequence()) {
      to->kind = YamlNode::Kind::kList;
      for (const YAML::Node& each : from) {
        to->list.emplace_back();
        if (auto status = Convert(each, depth + 1, &to->list.back()); !status.ok()) return status;
      }
    } else if (from.IsScalar()) {
      to->kind = YamlNode::Kind::kScalar;
      to->scalar = from.Scalar();
    }
    return absl::OkStatus();
  }

 private:
  static size_t LineOf(const YAML::Node& node) {
    const int line = node.Mark().line;
    return line < 0 ? 1 : static_cast<size_t>(line) + 1;
  }

  absl::Status ConvertMap(const YAML::Node& from, int depth, YamlNode* to) {
    to->kind = YamlNode::Kind::kMap;
    std::set<std::string> seen;
    for (const auto& each : from) {
      if (!each.first.IsScalar()) return YamlError(name_, LineOf(each.first), "a key must be a plain word");
      YamlNode::Entry entry;
      entry.key = each.first.Scalar();
      entry.line = LineOf(each.first);
      if (!seen.insert(entry.key).second) {
        return YamlError(name_, entry.line, fmt::format("key '{}' is there twice", entry.key));
      }
      if (auto status = Convert(each.second, depth + 1, &entry.value); !status.ok()) return status;
      to->map.push_back(std::move(entry));
    }
    return absl::OkStatus();
  }

  const std::string& name_;
  size_t nodes_ = 0;
};

}  // namespace

absl::Status YamlError(const std::string& name, size_t line, const std::string& why) {
  return absl::InvalidArgumentError(fmt::format("{}:{}: {}", name, line, why));
}

absl::StatusOr<std::vector<YamlNode>> ParseYaml(const std::string& text, const std::string& name) {
  if (text.size() > kMaxYamlBytes) {
    return YamlError(name, 1, fmt::format("{} bytes; at most {} are allowed", text.size(), kMaxYamlBytes));
  }
  std::vector<YamlNode> documents;
  Converter converter(name);
  try {  // the library reports errors by exceptions
    for (const YAML::Node& document : YAML::LoadAll(text)) {
      documents.emplace_back();
      if (auto status = converter.Convert(document, 0, &documents.back()); !status.ok()) return status;
    }
  } catch (const YAML::Exception& error) {
    return YamlError(name, error.mark.line < 0 ? 1 : static_cast<size_t>(error.mark.line) + 1, error.msg);
  }
  return documents;
}

absl::StatusOr<std::vector<YamlNode>> ReadYamlFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::ErrnoToStatus(errno != 0 ? errno : ENOENT, path);
  std::string text;
  text.resize(kMaxYamlBytes + 1);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return absl::ErrnoToStatus(errno != 0 ? errno : EIO, path);
  text.resize(static_cast<size_t>(file.gcount()));
  return ParseYaml(text, path);
}

}  // namespace dlog
