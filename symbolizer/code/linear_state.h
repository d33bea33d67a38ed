// SPDX-License-Identifier: Apache-2.0
//
// What the general registers hold on the way through straight code, as sums of what they held at its beginning, and
// with it what a register that has been overwritten held: `lea rax, [rdi+rdi*2]; add rax, rsi; mov rdi, rax` leaves rdi
// = (rax - rsi) / 3, exactly, modulo 2^64.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "symbolizer/code/effects.h"

namespace dlog::code {

// constant + sum of factors[n] * register n, modulo 2^64.
struct RegisterSum {
  std::array<uint64_t, 16> factors = {};  // by DWARF number
  uint64_t constant = 0;
};

class LinearState {
 public:
  // At the start each register holds itself.
  LinearState();

  // What AtStart asks for is from now on what the registers hold here; the sums go on from where they began.
  void StartHere() { start_ = registers_; }

  // Behind one more instruction.
  void Apply(const Effects& effects);

  // What `reg` holds now, by the registers at the beginning; none when that is not known in its low `bits` bits.
  std::optional<RegisterSum> Now(uint32_t reg, uint32_t bits) const;
  // What `reg` held at the start (the beginning, or where StartHere was called), by the registers now; right in its low
  // `bits` bits.
  std::optional<RegisterSum> AtStart(uint32_t reg, uint32_t bits) const;

 private:
  // factors: first those of the registers at the beginning, then those of unknown numbers that instructions brought in.
  struct Form {
    std::vector<uint64_t> factors;
    uint64_t constant = 0;
    uint32_t bits = 64;  // the low bits in which it holds
  };
  Form Unknown();
  Form Evaluate(const Assignment& assignment) const;

  std::array<Form, 16> registers_;
  std::array<Form, 16> start_;
  size_t unknowns_ = 0;
};

}  // namespace dlog::code
