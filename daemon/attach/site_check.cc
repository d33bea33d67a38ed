// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/site_check.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/code/instruction.h"

namespace dlog::attach {
namespace {

constexpr size_t kMaxInstructionBytes = 15;

std::string Hex(std::span<const uint8_t> bytes) {
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

}  // namespace

absl::StatusOr<std::string> CheckSite(int fd, const std::string& path, FileOffset offset,
                                      std::span<const uint8_t> expected, const InstructionCanaries& canaries) {
  const std::string where = absl::StrCat(path, " at file offset 0x", absl::Hex(offset.value));
  if (expected.empty() || expected.size() > kMaxInstructionBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": the plan has ", expected.size(), " instruction bytes, not 1 to ", kMaxInstructionBytes));
  }
  std::array<uint8_t, kMaxInstructionBytes> buffer;
  const ssize_t got = pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(offset.value));
  if (got < 0) return absl::FailedPreconditionError(absl::StrCat(where, ": read: ", std::strerror(errno)));
  const std::span<const uint8_t> bytes(buffer.data(), static_cast<size_t>(got));
  if (bytes.size() < expected.size())
    return absl::FailedPreconditionError(absl::StrCat(where, ": the file ends there"));
  if (!std::equal(expected.begin(), expected.end(), bytes.begin())) {
    return WithHint(absl::FailedPreconditionError(absl::StrCat(where, ": the file has the bytes ",
                                                               Hex(bytes.first(expected.size())),
                                                               ", the plan was made for ", Hex(expected))),
                    "the plan belongs to another build of this binary: resolve the logpoint again");
  }
  auto instruction = code::Decode(bytes, LinkAddress{offset.value});
  if (!instruction.ok()) {
    return absl::StrCat("bytes ", Hex(bytes), " are no instruction: ", instruction.status().message());
  }
  if (instruction->length > expected.size()) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": the plan has ", expected.size(), " bytes of \"",
                                                   instruction->text, "\", which is ", instruction->length, " long"));
  }
  if (instruction->probe_class == code::ProbeClass::kRefused) {
    return absl::StrCat("\"", instruction->text, "\": ", instruction->refusal);
  }
  const std::string objection = canaries.ObjectionTo(*instruction);
  return objection.empty() ? "" : absl::StrCat("\"", instruction->text, "\": ", objection);
}

}  // namespace dlog::attach
