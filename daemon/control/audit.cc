// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/audit.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "daemon/format/time_text.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::daemon {
namespace {

// Of the end of an audit log, to take up what an earlier dlogd has written: kKept usual lines.
constexpr off_t kTailBytes = off_t{1} << 20;

std::string TargetText(const v1::Target& target) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : " ") + part; };
  if (target.pid() != 0) add(fmt::format("pid {}", target.pid()));
  if (!target.exe_path().empty()) add(target.exe_path());
  for (const std::string& selector : target.selectors()) add(selector);
  return text;
}

UniqueFd OpenLog(const std::string& path) {
  return UniqueFd(open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
}

// Without a first line that is cut.
std::string ReadTail(int fd) {
  struct stat info = {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return "";
  const off_t from = std::max<off_t>(info.st_size - kTailBytes, 0);
  std::string tail(static_cast<size_t>(info.st_size - from), '\0');
  const ssize_t got = pread(fd, tail.data(), tail.size(), from);
  tail.resize(got < 0 ? 0 : static_cast<size_t>(got));
  if (from > 0) tail.erase(0, tail.find('\n') + 1);
  return tail;
}

std::optional<v1::AuditRecord> ParseLine(const std::string& line) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  v1::AuditRecord record;
  const auto status = google::protobuf::util::JsonStringToMessage(line, &record, options);
  if (!status.ok() || record.action().empty()) return std::nullopt;
  return record;
}

}  // namespace

v1::AuditRecord ToRecord(const AuditEntry& entry, int64_t time_unix_ns) {
  v1::AuditRecord record;
  format::AppendTime(time_unix_ns, 6, record.mutable_time());
  record.set_action(entry.action);
  record.set_peer(entry.peer);
  record.set_certificate(entry.certificate);
  if (entry.identity) {
    record.set_uid(entry.identity->uid);
    record.set_pid(entry.identity->pid);
  }
  record.set_all(entry.all);
  for (const std::string& id : entry.ids) record.add_ids(id);
  record.set_outcome(entry.outcome.ok() ? "ok" : std::string(entry.outcome.message()));
  if (entry.spec != nullptr) {
    record.set_name(entry.spec->name());
    record.set_target(TargetText(entry.spec->target()));
    record.set_location(entry.spec->location());
    record.set_text(entry.spec->template_());
    record.set_condition(entry.spec->condition());
  }
  return record;
}

void WriteAuditRecord(const v1::AuditRecord& record, format::JsonWriter* json) {
  const auto text = [json](const char* key, const std::string& value) {
    if (!value.empty()) json->Key(key).String(value);
  };
  json->Key("time").String(record.time()).Key("action").String(record.action()).Key("peer").String(record.peer());
  text("certificate", record.certificate());
  if (record.has_uid()) json->Key("uid").Uint(record.uid());
  if (record.has_pid()) json->Key("pid").Int(record.pid());
  if (record.all()) json->Key("all").Bool(true);
  json->Key("ids").BeginArray();
  for (const std::string& id : record.ids()) json->String(id);
  json->EndArray().Key("outcome").String(record.outcome());
  text("name", record.name());
  text("target", record.target());
  text("location", record.location());
  text("text", record.text());
  text("condition", record.condition());
}

std::string AuditLine(const v1::AuditRecord& record) {
  std::string line;
  format::JsonWriter json(&line);
  json.BeginObject();
  WriteAuditRecord(record, &json);
  json.EndObject();
  return line;
}

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Create(const std::string& path) {
  std::unique_ptr<AuditLog> log(new AuditLog(path));
  if (path.empty()) return log;
  const UniqueFd file = OpenLog(path);
  if (!file.valid()) {
    return WithHint(absl::ErrnoToStatus(errno, fmt::format("cannot write the audit log {}", path)),
                    "key `audit-log` of the configuration names a file in a directory that exists");
  }
  const std::string tail = ReadTail(file.get());
  // A line that a dlogd did not finish must not take the next one with it.
  if (!tail.empty() && tail.back() != '\n' && write(file.get(), "\n", 1) != 1) {
    return absl::ErrnoToStatus(errno, fmt::format("cannot write to {}", path));
  }
  MutexLock lock(&log->mutex_);
  const std::vector<std::string> lines = absl::StrSplit(tail, '\n', absl::SkipEmpty());
  for (const std::string& line : lines) {
    if (auto record = ParseLine(line)) log->Keep(*std::move(record));
  }
  return log;
}

void AuditLog::Keep(v1::AuditRecord record) {
  kept_.push_back(std::move(record));
  if (kept_.size() > kKept) kept_.pop_front();
}

void AuditLog::Record(const AuditEntry& entry) {
  v1::AuditRecord record = ToRecord(entry, absl::ToUnixNanos(absl::Now()));
  const std::string line = AuditLine(record) + "\n";
  MutexLock lock(&mutex_);
  Keep(std::move(record));
  if (path_.empty()) {
    fmt::print(stderr, "dlogd: audit: {}", line);
    return;
  }
  const UniqueFd file = OpenLog(path_);
  if (file.valid() && write(file.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size())) return;
  fmt::print(stderr, "dlogd: cannot write to {}: {}; audit: {}", path_, strerror(errno), line);
}

std::vector<v1::AuditRecord> AuditLog::Last(size_t count) const {
  MutexLock lock(&mutex_);
  return {kept_.end() - static_cast<long>(std::min(count, kept_.size())), kept_.end()};
}

}  // namespace dlog::daemon
