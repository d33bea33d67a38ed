// SPDX-License-Identifier: Apache-2.0
#include "daemon/format/event_json.h"

#include <cstring>

#include "daemon/format/json_writer.h"
#include "daemon/format/time_text.h"

namespace dlog::format {

using event::Text;
using event::Value;

namespace {

// Keys, punctuation, numbers and statuses of a value, or of an event, with room to spare.
constexpr size_t kMaxValueFrame = 256;
constexpr size_t kMaxEventFrame = 512;

// Writes to room that was asked for beforehand.
class Cursor {
 public:
  explicit Cursor(char* at) : at_(at) {}
  char* at() const { return at_; }

  // A literal: its length is known where it is copied.
  template <size_t N>
  [[gnu::always_inline]] Cursor& Raw(const char (&literal)[N]) {
    std::memcpy(at_, literal, N - 1);
    at_ += N - 1;
    return *this;
  }
  Cursor& Raw(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  Cursor& String(std::string_view bytes) {
    at_ = WriteJsonString(bytes, at_);
    return *this;
  }
  Cursor& Int(int64_t value) {
    at_ = WriteJsonInt(value, at_);
    return *this;
  }
  Cursor& Uint(uint64_t value) {
    at_ = WriteJsonUint(value, at_);
    return *this;
  }
  Cursor& Double(double value) {
    at_ = WriteJsonDouble(value, at_);
    return *this;
  }

 private:
  char* at_;
};

// Runs `write` with a cursor that has `room`.
template <typename Writer>
void Write(Text* out, size_t room, Writer write) {
  char* const start = out->Room(room);
  Cursor cursor(start);
  write(cursor);
  out->Advance(static_cast<size_t>(cursor.at() - start));
}

// Statuses under which `text` shows the target's bytes, not just the status again.
bool HasText(v1::ValueStatus status) {
  return status == v1::STATUS_OK || status == v1::STATUS_TRUNCATED || status == v1::STATUS_PARTIAL ||
         status == v1::STATUS_RECOVERED;
}

void WriteScalar(const Value& value, Cursor& to) {
  if (value.text_is_scalar()) {
    to.Raw(",\"value\":").Raw(value.text());
    return;
  }
  switch (value.scalar()) {
    case Value::Scalar::kBool:
      value.bool_value() ? to.Raw(",\"value\":true") : to.Raw(",\"value\":false");
      return;
    case Value::Scalar::kInt:
      to.Raw(",\"value\":").Int(value.int_value());
      return;
    case Value::Scalar::kUint:
      to.Raw(",\"value\":").Uint(value.uint_value());
      return;
    case Value::Scalar::kDouble:
      to.Raw(",\"value\":").Double(value.double_value());
      return;
    case Value::Scalar::kString:
      to.Raw(",\"value\":").String(value.string_value());
      return;
    case Value::Scalar::kNone:
      return;
  }
}

void AppendParts(std::string_view key, ValuePlace place, const event::ValueList& parts, Text* out) {
  out->append(key);
  bool first = true;
  for (const Value& part : parts) {
    if (!first) out->push_back(',');
    first = false;
    AppendValueJson(part, place, out);
  }
  out->push_back(']');
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

void AppendValueJson(const Value& value, ValuePlace place, Text* out) {
  const size_t strings = value.name().size() + value.type().size() + value.reason().size() + value.text().size() +
                         value.string_value().size();
  Write(out, kMaxValueFrame + MaxJsonStringBytes(strings), [&](Cursor& to) {
    if (place == ValuePlace::kExpression) {
      to.Raw("{\"expr\":").String(value.name()).Raw(",\"type\":");
    } else if (place == ValuePlace::kField) {
      to.Raw("{\"name\":").String(value.name()).Raw(",\"type\":");
    } else {
      to.Raw("{\"type\":");
    }
    to.String(value.type());
    if (value.status() == v1::STATUS_OK) {
      to.Raw(",\"status\":\"ok\"");
    } else {
      to.Raw(",\"status\":\"").Raw(StatusName(value.status())).Raw("\",\"reason\":").String(value.reason());
    }
    // The text of an inner struct or container is in the text of the expression, and in its own parts below.
    const bool has_parts = value.is_struct() || value.is_sequence();
    if (HasText(value.status()) && (place == ValuePlace::kExpression || !has_parts)) {
      if (value.text_is_scalar()) {
        to.Raw(",\"text\":\"").Raw(value.text()).Raw("\"");
      } else {
        to.Raw(",\"text\":").String(value.text());
      }
    }
    WriteScalar(value, to);
    const bool is_string = value.scalar() == Value::Scalar::kString;
    if (value.has_size() && (!is_string || value.status() != v1::STATUS_OK)) to.Raw(",\"size\":").Uint(value.size());
  });
  if (value.is_sequence()) AppendParts(",\"items\":[", ValuePlace::kItem, value.parts(), out);
  if (value.is_struct()) AppendParts(",\"fields\":[", ValuePlace::kField, value.parts(), out);
  out->push_back('}');
}

namespace {

void AppendOrigin(const event::Event& event, Text* out) {
  const event::Source& source = *event.source;
  const size_t strings = source.logpoint.size() + event.message.size() + source.file.size() + source.function.size() +
                         event.comm.size() + event.exe.size() + source.build_id.size() + source.host.size() +
                         event.container_id.size() + event.pod_uid.size();
  Write(out, kMaxEventFrame + MaxJsonStringBytes(strings), [&](Cursor& to) {
    char time[kMaxTimeBytes];
    const char* const time_end = WriteTime(event.time_unix_ns, 9, time);
    to.Raw("{\"time\":\"").Raw({time, static_cast<size_t>(time_end - time)});
    to.Raw("\",\"logpoint\":").String(source.logpoint);
    to.Raw(",\"kind\":\"log\",\"level\":\"").Raw(LevelName(source.level));
    to.Raw("\",\"message\":").String(event.message);
    to.Raw(",\"file\":").String(source.file);
    to.Raw(",\"line\":").Uint(source.line);
    to.Raw(",\"function\":").String(source.function);
    to.Raw(std::string_view(source.inlined ? ",\"inlined\":true" : ",\"inlined\":false"));
    to.Raw(",\"pid\":").Int(event.pid);
    to.Raw(",\"tid\":").Int(event.tid);
    to.Raw(",\"comm\":").String(event.comm);
    to.Raw(",\"exe\":").String(event.exe);
    if (!event.container_id.empty()) to.Raw(",\"container_id\":").String(event.container_id);
    if (!event.pod_uid.empty()) to.Raw(",\"k8s\":{\"pod_uid\":").String(event.pod_uid).Raw("}");
    to.Raw(",\"build_id\":").String(source.build_id);
    to.Raw(",\"host\":").String(source.host);
  });
}

void AppendLosses(const event::Event& event, Text* out) {
  Write(out, kMaxEventFrame,
        [&](Cursor& to) { to.Raw(",\"hits_since_last\":").Uint(event.hits_since_last).Raw(",\"lost_since_last\":{"); });
  bool first = true;
  for (const event::Loss& loss : event.lost_since_last) {
    Write(out, kMaxValueFrame + MaxJsonStringBytes(loss.reason.size()), [&](Cursor& to) {
      to.Raw(std::string_view(first ? "" : ",")).String(loss.reason).Raw(":").Uint(loss.count);
    });
    first = false;
  }
  out->push_back('}');
}

void AppendTags(const event::Source& source, Text* out) {
  out->append(",\"tags\":[");
  bool first = true;
  for (const std::string_view tag : source.tags) {
    Write(out, 1 + MaxJsonStringBytes(tag.size()),
          [&](Cursor& to) { to.Raw(std::string_view(first ? "" : ",")).String(tag); });
    first = false;
  }
  out->push_back(']');
}

}  // namespace

void AppendEventJson(const event::Event& event, Text* out) {
  AppendOrigin(event, out);
  AppendParts(",\"values\":[", ValuePlace::kExpression, event.values, out);
  AppendLosses(event, out);
  if (event.throttle_factor > 1) {
    Write(out, kMaxValueFrame, [&](Cursor& to) { to.Raw(",\"throttle_factor\":").Double(event.throttle_factor); });
  }
  if (!event.source->tags.empty()) AppendTags(*event.source, out);
  out->push_back('}');
}

}  // namespace dlog::format
