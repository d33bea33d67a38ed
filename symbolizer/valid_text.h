// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/message.h>

namespace dlog::symbolizer {

// Replaces every byte that is not part of valid UTF-8 by '?' in all string fields of `message`, at any depth. Names of
// files, functions and types come from hostile DWARF, and one such byte would make the whole answer unreadable.
void MakeTextValid(google::protobuf::Message* message);

}  // namespace dlog::symbolizer
