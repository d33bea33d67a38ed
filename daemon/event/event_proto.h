// SPDX-License-Identifier: Apache-2.0
//
// Events as messages of the API, and back.
#pragma once

#include "daemon/event/batch.h"
#include "event.pb.h"

namespace dlog::event {

// `out` is empty.
void ToProto(const Event& event, v1::Event* out);
void ToProto(const Value& value, v1::Value* out);

// Refers to the strings of `from`, which must outlive the event. Appends to `batch`.
Event* FromProto(const v1::Event& from, Batch* batch);
void FromProto(const v1::Value& from, Value* out);

}  // namespace dlog::event
