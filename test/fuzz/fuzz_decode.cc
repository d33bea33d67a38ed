// SPDX-License-Identifier: Apache-2.0
//
// Instructions from a hostile file: eight bytes of address, then code, decoded from end to end.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

#include "symbolizer/code/instruction.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using dlog::code::Instruction;
  using dlog::code::ProbeClass;
  uint64_t address = 0;
  if (size < sizeof address) return 0;
  std::memcpy(&address, data, sizeof address);
  std::span<const uint8_t> code(data + sizeof address, size - sizeof address);
  while (!code.empty()) {
    absl::StatusOr<Instruction> instruction = dlog::code::Decode(code, dlog::LinkAddress{address});
    size_t length = 1;
    if (instruction.ok()) {
      length = instruction->length;
      const bool refused = instruction->probe_class == ProbeClass::kRefused;
      if (length == 0 || length > code.size() || instruction->text.empty() || refused == instruction->refusal.empty()) {
        abort();
      }
    }
    address += length;
    code = code.subspan(length);
  }
  return 0;
}
