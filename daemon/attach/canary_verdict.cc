// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/instruction_canaries.h"

namespace dlog::attach {

const char* VerdictName(CanaryVerdict verdict) {
  switch (verdict) {
    case CanaryVerdict::kSafe:
      return "safe";
    case CanaryVerdict::kRefused:
      return "refused";
    case CanaryVerdict::kUnsafe:
      return "unsafe";
    case CanaryVerdict::kUnavailable:
      return "unavailable";
    case CanaryVerdict::kUnknown:
      break;
  }
  return "unknown";
}

}  // namespace dlog::attach
