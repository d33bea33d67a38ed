// SPDX-License-Identifier: Apache-2.0
#include "daemon/event/event_proto.h"

#include <string>

namespace dlog::event {
namespace {

std::string String(std::string_view bytes) { return std::string(bytes); }

void ScalarToProto(const Value& value, v1::Value* out) {
  switch (value.scalar()) {
    case Value::Scalar::kBool:
      return out->set_bool_value(value.bool_value());
    case Value::Scalar::kInt:
      return out->set_int_value(value.int_value());
    case Value::Scalar::kUint:
      return out->set_uint_value(value.uint_value());
    case Value::Scalar::kDouble:
      return out->set_double_value(value.double_value());
    case Value::Scalar::kString:
      return out->set_string_value(String(value.string_value()));
    case Value::Scalar::kNone:
      return;
  }
}

void ScalarFromProto(const v1::Value& from, Value* out) {
  switch (from.scalar_case()) {
    case v1::Value::kBoolValue:
      return out->set_bool_value(from.bool_value());
    case v1::Value::kIntValue:
      return out->set_int_value(from.int_value());
    case v1::Value::kUintValue:
      return out->set_uint_value(from.uint_value());
    case v1::Value::kDoubleValue:
      return out->set_double_value(from.double_value());
    case v1::Value::kStringValue:
      return out->refer_string_value(from.string_value());
    case v1::Value::SCALAR_NOT_SET:
      return;
  }
}

}  // namespace

void ToProto(const Value& value, v1::Value* out) {
  out->set_name(String(value.name()));
  out->set_type(String(value.type()));
  out->set_status(value.status());
  out->set_reason(String(value.reason()));
  out->set_text(String(value.text()));
  ScalarToProto(value, out);
  if (value.has_size()) out->set_size(value.size());
  out->set_is_sequence(value.is_sequence());
  out->set_is_struct(value.is_struct());
  for (const Value& part : value.parts()) ToProto(part, value.is_struct() ? out->add_fields() : out->add_items());
}

void ToProto(const Event& event, v1::Event* out) {
  const Source& source = *event.source;
  out->set_time_unix_ns(event.time_unix_ns);
  out->set_logpoint(String(source.logpoint));
  out->set_kind(source.kind);
  out->set_level(source.level);
  out->set_message(String(event.message));
  out->set_file(String(source.file));
  out->set_line(source.line);
  out->set_function(String(source.function));
  out->set_inlined(source.inlined);
  out->set_pid(event.pid);
  out->set_tid(event.tid);
  out->set_comm(String(event.comm));
  out->set_exe(String(event.exe));
  out->set_container_id(String(event.container_id));
  out->set_pod_uid(String(event.pod_uid));
  out->set_build_id(String(source.build_id));
  out->set_host(String(source.host));
  for (const Value& value : event.values) ToProto(value, out->add_values());
  out->set_hits_since_last(event.hits_since_last);
  for (const Loss& loss : event.lost_since_last) {
    v1::Loss* lost = out->add_lost_since_last();
    lost->set_reason(String(loss.reason));
    lost->set_count(loss.count);
  }
  for (const std::string_view tag : source.tags) out->add_tags(String(tag));
  out->set_throttle_factor(event.throttle_factor);
}

void FromProto(const v1::Value& from, Value* out) {
  out->refer_name(from.name());
  out->refer_type(from.type());
  out->set_status(from.status());
  out->set_reason(from.reason());
  out->refer_text(from.text());
  ScalarFromProto(from, out);
  if (from.has_size()) out->set_size(from.size());
  out->set_is_sequence(from.is_sequence());
  out->set_is_struct(from.is_struct());
  for (const v1::Value& part : from.is_struct() ? from.fields() : from.items()) FromProto(part, out->AddPart());
}

Event* FromProto(const v1::Event& from, Batch* batch) {
  Source* source = batch->AddSource();
  source->logpoint = from.logpoint();
  source->kind = from.kind();
  source->level = from.level();
  source->file = from.file();
  source->line = from.line();
  source->function = from.function();
  source->inlined = from.inlined();
  source->build_id = from.build_id();
  source->host = from.host();
  source->tags.assign(from.tags().begin(), from.tags().end());
  Event* event = batch->Add(source);
  event->time_unix_ns = from.time_unix_ns();
  event->pid = from.pid();
  event->tid = from.tid();
  event->message = from.message();
  event->comm = from.comm();
  event->exe = from.exe();
  event->container_id = from.container_id();
  event->pod_uid = from.pod_uid();
  for (const v1::Value& value : from.values()) FromProto(value, event->values.Add(&batch->storage()));
  event->hits_since_last = from.hits_since_last();
  for (const v1::Loss& loss : from.lost_since_last()) event->lost_since_last.push_back({loss.reason(), loss.count()});
  event->throttle_factor = from.throttle_factor();
  return event;
}

}  // namespace dlog::event
