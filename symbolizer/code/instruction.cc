// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/code/instruction.h"

namespace dlog::code {

const char* ProbeClassName(ProbeClass probe_class) {
  switch (probe_class) {
    case ProbeClass::kEmulated:
      return "emulated";
    case ProbeClass::kStepped:
      return "stepped";
    case ProbeClass::kRefused:
      return "refused";
  }
  return "refused";
}

}  // namespace dlog::code
