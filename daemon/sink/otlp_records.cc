// SPDX-License-Identifier: Apache-2.0
#include "daemon/sink/otlp_records.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/format/event_json.h"
#include "daemon/format/text_escape.h"

namespace dlog::sink {

using event::Value;

namespace {

// Strings of OTLP are UTF-8; receivers refuse a whole request for one that is not.
std::string Utf8(std::string_view bytes) {
  std::string out;
  format::AppendBare(bytes, &out);
  return out;
}

otlp::SeverityNumber SeverityOf(v1::Level level) {
  switch (level) {
    case v1::LEVEL_DEBUG:
      return otlp::SEVERITY_NUMBER_DEBUG;
    case v1::LEVEL_WARN:
      return otlp::SEVERITY_NUMBER_WARN;
    case v1::LEVEL_ERROR:
      return otlp::SEVERITY_NUMBER_ERROR;
    default:
      return otlp::SEVERITY_NUMBER_INFO;
  }
}

template <typename Message>
void AddString(const char* key, std::string_view value, Message* out) {
  if (value.empty()) return;
  otlp::KeyValue* attribute = out->add_attributes();
  attribute->set_key(key);
  attribute->mutable_value()->set_string_value(Utf8(value));
}

template <typename Message>
void AddInt(const char* key, int64_t value, Message* out) {
  otlp::KeyValue* attribute = out->add_attributes();
  attribute->set_key(key);
  attribute->mutable_value()->set_int_value(value);
}

void SetScalar(const Value& value, otlp::AnyValue* out) {
  switch (value.scalar()) {
    case Value::Scalar::kBool:
      out->set_bool_value(value.bool_value());
      return;
    case Value::Scalar::kInt:
      out->set_int_value(value.int_value());
      return;
    case Value::Scalar::kUint:  // OTLP has no unsigned integers: what does not fit is its text
      if (value.uint_value() <= INT64_MAX) {
        out->set_int_value(static_cast<int64_t>(value.uint_value()));
      } else {
        out->set_string_value(std::to_string(value.uint_value()));
      }
      return;
    case Value::Scalar::kDouble:
      out->set_double_value(value.double_value());
      return;
    case Value::Scalar::kString:
      out->set_string_value(Utf8(value.string_value()));
      return;
    case Value::Scalar::kNone:
      out->set_string_value(Utf8(value.text()));
      return;
  }
}

// A value that is not ok is its text, which says why: never something that looks like a value.
void SetValue(const Value& value, int depth, otlp::AnyValue* out) {
  const bool whole = value.status() == v1::STATUS_OK || value.status() == v1::STATUS_RECOVERED;
  const bool parts = value.status() == v1::STATUS_PARTIAL || value.status() == v1::STATUS_TRUNCATED || whole;
  if (value.is_sequence() && parts && depth < kMaxOtlpDepth) {
    auto* array = out->mutable_array_value();
    for (const Value& item : value.parts()) SetValue(item, depth + 1, array->add_values());
  } else if (value.is_struct() && parts && depth < kMaxOtlpDepth) {
    auto* list = out->mutable_kvlist_value();
    for (const Value& field : value.parts()) {
      otlp::KeyValue* entry = list->add_values();
      entry->set_key(Utf8(field.name()));
      SetValue(field, depth + 1, entry->mutable_value());
    }
  } else if (whole) {
    SetScalar(value, out);
  } else {
    out->set_string_value(Utf8(value.text()));
  }
}

void SetResource(const event::Event& event, otlp::Resource* out) {
  const size_t slash = event.exe.rfind('/');
  AddString("service.name", slash == std::string_view::npos ? event.exe : event.exe.substr(slash + 1), out);
  AddString("host.name", event.source->host, out);
  AddInt("process.pid", event.pid, out);
  AddString("process.executable.path", event.exe, out);
  AddString("process.executable.build_id.gnu", event.source->build_id, out);
}

void SetRecord(const event::Event& event, otlp::LogRecord* out) {
  out->set_time_unix_nano(static_cast<uint64_t>(event.time_unix_ns));
  out->set_observed_time_unix_nano(static_cast<uint64_t>(event.time_unix_ns));
  out->set_severity_number(SeverityOf(event.source->level));
  out->set_severity_text(std::string(format::LevelName(event.source->level)));
  out->mutable_body()->set_string_value(Utf8(event.message));
  AddString("code.file.path", event.source->file, out);
  AddInt("code.line.number", event.source->line, out);
  AddString("code.function.name", event.source->function, out);
  AddInt("thread.id", event.tid, out);
  AddString("dlog.logpoint", event.logpoint(), out);
  AddInt("dlog.hits_since_last", static_cast<int64_t>(event.hits_since_last), out);
  for (const std::string_view tag : event.source->tags) AddString("dlog.tag", tag, out);
  if (event.values.empty()) return;
  otlp::KeyValue* values = out->add_attributes();
  values->set_key("dlog.values");
  auto* list = values->mutable_value()->mutable_kvlist_value();
  for (const Value& value : event.values) {
    otlp::KeyValue* entry = list->add_values();
    entry->set_key(Utf8(value.name()));
    SetValue(value, 0, entry->mutable_value());
  }
}

}  // namespace

otlp::ExportLogsServiceRequest OtlpRequest(const std::vector<EventPtr>& events) {
  otlp::ExportLogsServiceRequest request;
  std::map<std::pair<int32_t, std::string>, otlp::ScopeLogs*> scopes;
  for (const EventPtr& event : events) {
    otlp::ScopeLogs*& scope = scopes[{event->pid, std::string(event->source->build_id).append(event->exe)}];
    if (scope == nullptr) {
      otlp::ResourceLogs* resource = request.add_resource_logs();
      SetResource(*event, resource->mutable_resource());
      scope = resource->add_scope_logs();
      scope->mutable_scope()->set_name("dlog");
      scope->mutable_scope()->set_version(DLOG_VERSION);
    }
    SetRecord(*event, scope->add_log_records());
  }
  return request;
}

}  // namespace dlog::sink
