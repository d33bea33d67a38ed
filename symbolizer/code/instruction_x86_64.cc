// SPDX-License-Identifier: Apache-2.0
#include <Zydis/Zydis.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "symbolizer/code/instruction.h"
#include "symbolizer/code/probe_safety_x86_64.h"

namespace dlog::code {
namespace {

constexpr size_t kMaxTextLength = 256;  // longer than any formatted instruction; the formatter fails beyond it

struct Tools {
  ZydisDecoder decoder;
  ZydisFormatter formatter;
  bool ok = false;
};

Tools MakeTools() {
  Tools tools;
  tools.ok = ZYAN_SUCCESS(ZydisDecoderInit(&tools.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)) &&
             ZYAN_SUCCESS(ZydisFormatterInit(&tools.formatter, ZYDIS_FORMATTER_STYLE_INTEL));
  const std::pair<ZydisFormatterProperty, ZyanUPointer> properties[] = {
      {ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE},
      {ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE, ZYDIS_PADDING_DISABLED},
      {ZYDIS_FORMATTER_PROP_ADDR_PADDING_RELATIVE, ZYDIS_PADDING_DISABLED},
      {ZYDIS_FORMATTER_PROP_DISP_PADDING, ZYDIS_PADDING_DISABLED},
      {ZYDIS_FORMATTER_PROP_IMM_PADDING, ZYDIS_PADDING_DISABLED},
  };
  for (const auto& [property, value] : properties) {
    tools.ok = tools.ok && ZYAN_SUCCESS(ZydisFormatterSetProperty(&tools.formatter, property, value));
  }
  return tools;
}

}  // namespace

absl::StatusOr<Instruction> Decode(std::span<const uint8_t> bytes, LinkAddress address) {
  static const Tools tools = MakeTools();
  if (!tools.ok) return absl::InternalError("instruction decoder: initialisation failed");

  bytes = bytes.first(std::min<size_t>(bytes.size(), ZYDIS_MAX_INSTRUCTION_LENGTH));
  ZydisDecodedInstruction decoded;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  if (bytes.empty() ||
      ZYAN_FAILED(ZydisDecoderDecodeFull(&tools.decoder, bytes.data(), bytes.size(), &decoded, operands))) {
    return absl::InvalidArgumentError(
        absl::StrCat("address 0x", absl::Hex(address.value), ": the bytes are not one complete x86-64 instruction"));
  }

  Instruction out;
  out.length = decoded.length;
  char text[kMaxTextLength];
  const ZyanStatus formatted = ZydisFormatterFormatInstruction(
      &tools.formatter, &decoded, operands, decoded.operand_count_visible, text, sizeof text, address.value, ZYAN_NULL);
  out.text = ZYAN_SUCCESS(formatted) ? text : ZydisMnemonicGetString(decoded.mnemonic);

  Verdict verdict = JudgeProbe(bytes.first(decoded.length), decoded,
                               std::span<const ZydisDecodedOperand>(operands, decoded.operand_count_visible));
  out.probe_class = verdict.probe_class;
  out.refusal = std::move(verdict.refusal);
  return out;
}

}  // namespace dlog::code
