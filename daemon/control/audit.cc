// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/audit.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "daemon/format/json_writer.h"
#include "daemon/format/time_text.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

std::string TargetText(const v1::Target& target) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : " ") + part; };
  if (target.pid() != 0) add(fmt::format("pid {}", target.pid()));
  if (!target.exe_path().empty()) add(target.exe_path());
  for (const std::string& selector : target.selectors()) add(selector);
  return text;
}

}  // namespace

std::string AuditLine(const AuditEntry& entry, int64_t time_unix_ns) {
  std::string line, time;
  format::AppendTime(time_unix_ns, 6, &time);
  format::JsonWriter json(&line);
  json.BeginObject().Key("time").String(time).Key("action").String(entry.action).Key("peer").String(entry.peer);
  if (entry.identity) json.Key("uid").Uint(entry.identity->uid).Key("pid").Int(entry.identity->pid);
  if (entry.all) json.Key("all").Bool(true);
  json.Key("ids").BeginArray();
  for (const std::string& id : entry.ids) json.String(id);
  json.EndArray();
  json.Key("outcome").String(entry.outcome.ok() ? "ok" : std::string(entry.outcome.message()));
  if (entry.spec != nullptr) {
    if (!entry.spec->name().empty()) json.Key("name").String(entry.spec->name());
    json.Key("target").String(TargetText(entry.spec->target())).Key("location").String(entry.spec->location());
    json.Key("text").String(entry.spec->template_());
    if (!entry.spec->condition().empty()) json.Key("condition").String(entry.spec->condition());
  }
  json.EndObject();
  return line;
}

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Create(const std::string& path) {
  UniqueFd file;
  if (!path.empty()) {
    file.Reset(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.valid()) {
      return WithHint(absl::ErrnoToStatus(errno, fmt::format("cannot write the audit log {}", path)),
                      "key `audit-log` of the configuration names a file in a directory that exists");
    }
  }
  return std::unique_ptr<AuditLog>(new AuditLog(path, std::move(file)));
}

void AuditLog::Record(const AuditEntry& entry) {
  const std::string line = AuditLine(entry, absl::ToUnixNanos(absl::Now())) + "\n";
  MutexLock lock(&mutex_);
  if (!file_.valid()) {
    fmt::print(stderr, "dlogd: audit: {}", line);
    return;
  }
  if (write(file_.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size())) return;
  fmt::print(stderr, "dlogd: cannot write to {}: {}; audit: {}", path_, strerror(errno), line);
}

}  // namespace dlog::daemon
