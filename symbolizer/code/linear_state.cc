// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/code/linear_state.h"

#include <algorithm>
#include <utility>

namespace dlog::code {
namespace {

constexpr size_t kRegisters = 16;
constexpr size_t kMostUnknowns = 128;

uint64_t MaskOf(uint32_t bits) { return bits >= 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1; }

// The number that has these low bits, between -2^(bits-1) and 2^(bits-1).
uint64_t SignExtended(uint64_t number, uint32_t bits) {
  if (bits >= 64) return number;
  const uint64_t sign = uint64_t{1} << (bits - 1);
  return ((number & MaskOf(bits)) ^ sign) - sign;
}

// Of an odd number, modulo 2^64: each step doubles the bits that are right.
uint64_t InverseOf(uint64_t odd) {
  uint64_t inverse = odd;
  for (int i = 0; i < 6; ++i) inverse *= 2 - odd * inverse;
  return inverse;
}

// One line of the system: `form` (over the start's registers and unknowns) is the sum `of` the registers now.
struct Row {
  std::vector<uint64_t> form;
  std::array<uint64_t, kRegisters> of = {};
};

void Subtract(Row* from, const Row& row, uint64_t times) {
  for (size_t i = 0; i < from->form.size(); ++i) from->form[i] -= times * row.form[i];
  for (size_t i = 0; i < kRegisters; ++i) from->of[i] -= times * row.of[i];
}

bool IsOdd(uint64_t number) { return (number & 1) != 0; }

}  // namespace

LinearState::LinearState() {
  for (size_t i = 0; i < kRegisters; ++i) {
    registers_[i].factors.resize(kRegisters);
    registers_[i].factors[i] = 1;
  }
  start_ = registers_;
}

LinearState::Form LinearState::Unknown() {
  Form form;
  if (unknowns_ >= kMostUnknowns) {
    form.bits = 0;
    return form;
  }
  form.factors.resize(kRegisters + ++unknowns_);
  form.factors.back() = 1;
  return form;
}

LinearState::Form LinearState::Evaluate(const Assignment& assignment) const {
  Form out;
  out.bits = assignment.bits;
  out.constant = assignment.constant;
  for (const Assignment::Term& term : assignment.terms) {
    if (term.factor == 0) continue;
    const Form& from = registers_[term.reg];
    out.factors.resize(std::max(out.factors.size(), from.factors.size()));
    for (size_t i = 0; i < from.factors.size(); ++i) out.factors[i] += term.factor * from.factors[i];
    out.constant += term.factor * from.constant;
    out.bits = std::min(out.bits, from.bits);
  }
  return out;
}

void LinearState::Apply(const Effects& effects) {
  std::vector<std::pair<uint32_t, Form>> known;  // all are computed from the registers before the instruction
  uint32_t unknown = effects.gprs_written & 0xffff;
  for (const Assignment& assignment : effects.assignments) {
    known.emplace_back(assignment.reg, Evaluate(assignment));
    unknown &= ~(1u << assignment.reg);
  }
  for (uint32_t reg = 0; reg < kRegisters; ++reg) {
    if ((unknown >> reg & 1) != 0) registers_[reg] = Unknown();
  }
  for (auto& [reg, form] : known) registers_[reg] = std::move(form);
}

std::optional<RegisterSum> LinearState::Now(uint32_t reg, uint32_t bits) const {
  const Form& form = registers_[reg];
  if (form.bits < bits) return std::nullopt;
  RegisterSum sum;
  sum.constant = SignExtended(form.constant, bits);
  for (size_t i = 0; i < form.factors.size(); ++i) {
    if (i < kRegisters) {
      sum.factors[i] = SignExtended(form.factors[i], bits);
    } else if ((form.factors[i] & MaskOf(bits)) != 0) {
      return std::nullopt;
    }
  }
  return sum;
}

// Gaussian elimination modulo 2^bits, with odd pivots only: what they do not solve counts as lost.
std::optional<RegisterSum> LinearState::AtStart(uint32_t reg, uint32_t bits) const {
  const Form& start = start_[reg];
  if (start.bits < bits) return std::nullopt;
  const size_t width = kRegisters + unknowns_;
  std::vector<Row> rows;
  for (size_t i = 0; i < kRegisters; ++i) {
    if (registers_[i].bits < bits) continue;
    Row row;
    row.form = registers_[i].factors;
    row.form.resize(width);
    row.of[i] = 1;
    rows.push_back(std::move(row));
  }
  Row wanted;
  wanted.form = start.factors;
  wanted.form.resize(width);
  size_t used = 0;
  // Unknowns first, so that they are out of the way of the registers.
  for (size_t n = 0; n < width && used < rows.size(); ++n) {
    const size_t column = (kRegisters + n) % width;
    const auto pivot = std::find_if(rows.begin() + static_cast<ptrdiff_t>(used), rows.end(),
                                    [column](const Row& row) { return IsOdd(row.form[column]); });
    if (pivot == rows.end()) continue;
    std::swap(rows[used], *pivot);
    const Row& row = rows[used++];
    const uint64_t inverse = InverseOf(row.form[column]);
    for (size_t i = used; i < rows.size(); ++i) Subtract(&rows[i], row, rows[i].form[column] * inverse);
    Subtract(&wanted, row, wanted.form[column] * inverse);
  }
  const uint64_t mask = MaskOf(bits);
  if (std::any_of(wanted.form.begin(), wanted.form.end(), [mask](uint64_t rest) { return (rest & mask) != 0; })) {
    return std::nullopt;
  }
  RegisterSum sum;
  sum.constant = start.constant;
  for (size_t i = 0; i < kRegisters; ++i) {
    // `of` says what was taken away: wanted - sum of rows = 0.
    sum.factors[i] = -wanted.of[i];
    sum.constant -= sum.factors[i] * registers_[i].constant;
    sum.factors[i] = SignExtended(sum.factors[i], bits);
  }
  sum.constant = SignExtended(sum.constant, bits);
  return sum;
}

}  // namespace dlog::code
