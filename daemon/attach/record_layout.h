// SPDX-License-Identifier: Apache-2.0
//
// Records as they lie in the ring (struct dlog_few_record, struct dlog_full_record of bpf/abi.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "bpf/abi.h"

namespace dlog::attach {

// Fills dlog_site::few; false when the registers are too many, or others than the first 17, for a short record.
bool ListFewRegisters(uint32_t register_mask, std::span<uint8_t, DLOG_FEW_REGISTERS> few);

// Fills `record`; returns its segments, a part of `bytes`. None when `bytes` is no record.
std::optional<std::span<const uint8_t>> UnpackRecord(std::span<const uint8_t> bytes, dlog_record* record);

}  // namespace dlog::attach
