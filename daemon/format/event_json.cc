// SPDX-License-Identifier: Apache-2.0
#include "daemon/format/event_json.h"

#include "daemon/format/time_text.h"

namespace dlog::format {
namespace {

// Statuses under which `text` shows the target's bytes, not just the status again.
bool HasText(v1::ValueStatus status) {
  return status == v1::STATUS_OK || status == v1::STATUS_TRUNCATED || status == v1::STATUS_PARTIAL ||
         status == v1::STATUS_RECOVERED;
}

void WriteScalar(const v1::Value& value, JsonWriter* json) {
  switch (value.scalar_case()) {
    case v1::Value::kBoolValue:
      json->Key("value").Bool(value.bool_value());
      return;
    case v1::Value::kIntValue:
      json->Key("value").Int(value.int_value());
      return;
    case v1::Value::kUintValue:
      json->Key("value").Uint(value.uint_value());
      return;
    case v1::Value::kDoubleValue:
      json->Key("value").Double(value.double_value());
      return;
    case v1::Value::kStringValue:
      json->Key("value").String(value.string_value());
      return;
    case v1::Value::SCALAR_NOT_SET:
      return;
  }
}

void WriteParts(std::string_view key, std::string_view name_key,
                const google::protobuf::RepeatedPtrField<v1::Value>& parts, JsonWriter* json) {
  json->Key(key).BeginArray();
  for (const v1::Value& part : parts) WriteValueJson(part, name_key, json);
  json->EndArray();
}

void WriteLosses(const v1::Event& event, JsonWriter* json) {
  json->Key("lost_since_last").BeginObject();
  for (const v1::Loss& loss : event.lost_since_last()) json->Key(loss.reason()).Uint(loss.count());
  json->EndObject();
}

}  // namespace

std::string_view StatusName(v1::ValueStatus status) {
  switch (status) {
    case v1::STATUS_OK:
      return "ok";
    case v1::STATUS_TRUNCATED:
      return "truncated";
    case v1::STATUS_PARTIAL:
      return "partial";
    case v1::STATUS_OPTIMIZED_OUT:
      return "optimized_out";
    case v1::STATUS_UNREADABLE:
      return "unreadable";
    case v1::STATUS_REDACTED:
      return "redacted";
    case v1::STATUS_TORN:
      return "torn";
    case v1::STATUS_RECOVERED:
      return "recovered";
    default:
      return "error";
  }
}

std::string_view LevelName(v1::Level level) {
  switch (level) {
    case v1::LEVEL_DEBUG:
      return "debug";
    case v1::LEVEL_WARN:
      return "warn";
    case v1::LEVEL_ERROR:
      return "error";
    default:
      return "info";
  }
}

void WriteValueJson(const v1::Value& value, std::string_view name_key, JsonWriter* json) {
  json->BeginObject();
  if (!name_key.empty()) json->Key(name_key).String(value.name());
  json->Key("type").String(value.type());
  json->Key("status").String(StatusName(value.status()));
  if (value.status() != v1::STATUS_OK) json->Key("reason").String(value.reason());
  const bool whole_expression = name_key == "expr";
  const bool has_parts = value.is_struct() || value.is_sequence();
  // The text of an inner struct or container is in the text of the expression, and in its own parts below.
  if (HasText(value.status()) && (whole_expression || !has_parts)) json->Key("text").String(value.text());
  WriteScalar(value, json);
  const bool is_string = value.scalar_case() == v1::Value::kStringValue;
  if (value.has_size() && (!is_string || value.status() != v1::STATUS_OK)) json->Key("size").Uint(value.size());
  if (value.is_sequence()) WriteParts("items", "", value.items(), json);
  if (value.is_struct()) WriteParts("fields", "name", value.fields(), json);
  json->EndObject();
}

void AppendEventJson(const v1::Event& event, std::string* out) {
  std::string time;
  AppendTime(event.time_unix_ns(), 9, &time);
  JsonWriter json(out);
  json.BeginObject();
  json.Key("time").String(time);
  json.Key("logpoint").String(event.logpoint());
  json.Key("kind").String("log");
  json.Key("level").String(LevelName(event.level()));
  json.Key("message").String(event.message());
  json.Key("file").String(event.file());
  json.Key("line").Uint(event.line());
  json.Key("function").String(event.function());
  json.Key("inlined").Bool(event.inlined());
  json.Key("pid").Int(event.pid());
  json.Key("tid").Int(event.tid());
  json.Key("comm").String(event.comm());
  json.Key("exe").String(event.exe());
  json.Key("build_id").String(event.build_id());
  json.Key("host").String(event.host());
  json.Key("values").BeginArray();
  for (const v1::Value& value : event.values()) WriteValueJson(value, "expr", &json);
  json.EndArray();
  json.Key("hits_since_last").Uint(event.hits_since_last());
  WriteLosses(event, &json);
  if (event.throttle_factor() > 1) json.Key("throttle_factor").Double(event.throttle_factor());
  if (event.tags_size() != 0) {
    json.Key("tags").BeginArray();
    for (const std::string& tag : event.tags()) json.String(tag);
    json.EndArray();
  }
  json.EndObject();
}

}  // namespace dlog::format
