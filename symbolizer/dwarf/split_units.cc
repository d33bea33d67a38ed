// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/split_units.h"

#include <dwarf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "symbolizer/base/open_hook.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/base/unique_fd.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/paths.h"

namespace dlog::dwarf {
namespace {

constexpr int kMaxUnitsPerFile = 1 << 16;  // the unit and its type units

std::string Text(const Dwarf_Die& die, unsigned name, unsigned other) {
  auto attribute = Own(die, name);
  if (!attribute.has_value()) attribute = Own(die, other);
  const char* text = attribute.has_value() ? dwarf_formstring(&*attribute) : nullptr;
  return text == nullptr ? std::string() : text;
}

std::string DwoName(const Dwarf_Die& skeleton) { return Text(skeleton, DW_AT_dwo_name, DW_AT_GNU_dwo_name); }

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

// Whether the .dwo file holds the unit `id`, and not that of another build.
bool HoldsUnit(int fd, uint64_t id) {
  const std::unique_ptr<Dwarf, int (*)(Dwarf*)> dwarf(dwarf_begin(fd, DWARF_C_READ), dwarf_end);
  if (dwarf == nullptr) return false;
  Dwarf_CU* unit = nullptr;
  for (int i = 0; i < kMaxUnitsPerFile; ++i) {
    uint8_t type = 0;
    if (dwarf_get_units(dwarf.get(), unit, &unit, nullptr, &type, nullptr, nullptr) != 0) return false;
    uint64_t have = 0;
    if (type == DW_UT_split_compile &&
        dwarf_cu_info(unit, nullptr, nullptr, nullptr, nullptr, &have, nullptr, nullptr) == 0 && have == id) {
      return true;
    }
  }
  return false;
}

}  // namespace

SplitUnits::SplitUnits(std::string binary_path, std::string debug_path, elf::DebugSearch search)
    : binary_path_(std::move(binary_path)), debug_path_(std::move(debug_path)), search_(std::move(search)) {}

std::optional<Dwarf_Die> SplitUnits::Content(const Dwarf_Die& skeleton) {
  uint64_t id = 0;
  if (dwarf_cu_info(skeleton.cu, nullptr, nullptr, nullptr, nullptr, &id, nullptr, nullptr) != 0) return std::nullopt;
  const OpenHook hook = [&](const char*) { return Open(skeleton, id); };
  const ScopedOpenHook in_force(&hook);
  Dwarf_Die content{};
  if (dwarf_cu_info(skeleton.cu, nullptr, nullptr, nullptr, &content, nullptr, nullptr, nullptr) != 0 ||
      content.addr == nullptr || dwarf_tag(&content) == DW_TAG_invalid) {
    return std::nullopt;
  }
  return content;
}

int SplitUnits::Open(const Dwarf_Die& skeleton, uint64_t id) {
  const auto [problem, first] = problems_.try_emplace(skeleton.addr);
  if (!first) return -1;  // libdw asks for several names; all places were looked at for the first
  OpenPackages();
  for (const auto& package : packages_) {
    if (!package->Has(id)) continue;
    auto fd = package->Extract(id);
    if (fd.ok()) return fd->Release();
    problem->second = std::string(fd.status().message());
  }
  const std::vector<std::string> places = Places(skeleton);
  std::string stale;
  for (const std::string& place : places) {
    UniqueFd fd(::open(place.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) continue;
    if (HoldsUnit(fd.get(), id)) return fd.Release();
    if (stale.empty()) stale = fmt::format("{} belongs to another build (it has no unit {:#018x})", place, id);
  }
  if (!problem->second.empty()) return -1;
  problem->second = !stale.empty() ? stale : fmt::format("is missing; tried: {}", fmt::join(places, ", "));
  for (const auto& package : packages_) problem->second += fmt::format("; {} does not have it", package->path());
  for (const std::string& text : package_problems_) problem->second += "; " + text;
  return -1;
}

// Named after the file with the skeletons, as binutils' and LLVM's dwp do by default.
void SplitUnits::OpenPackages() {
  if (std::exchange(packages_opened_, true)) return;
  std::vector<std::string> places = {binary_path_ + ".dwp"};
  if (debug_path_ != binary_path_) {
    places.push_back(debug_path_ + ".dwp");
    constexpr std::string_view kDebug = ".debug";
    if (debug_path_.ends_with(kDebug))
      places.push_back(debug_path_.substr(0, debug_path_.size() - kDebug.size()) + ".dwp");
  }
  for (const std::string& tree : search_.Trees()) places.push_back(tree + search_.AsTargetSees(binary_path_) + ".dwp");
  for (const std::string& place : places) {
    auto package = Package::Open(place, search_);
    if (package.ok()) {
      packages_.push_back(*std::move(package));
    } else if (!absl::IsNotFound(package.status()) && !absl::IsPermissionDenied(package.status())) {
      package_problems_.emplace_back(package.status().message());
    }
  }
}

std::vector<std::string> SplitUnits::Places(const Dwarf_Die& skeleton) const {
  const std::string name = DwoName(skeleton);
  std::vector<std::string> places;
  const auto add = [&](std::string place) {
    if (std::find(places.begin(), places.end(), place) == places.end()) places.push_back(std::move(place));
  };
  if (name.empty()) return places;
  const std::string built = JoinPath(Text(skeleton, DW_AT_comp_dir, DW_AT_comp_dir), name);
  if (built.starts_with("/")) add(search_.InRoot(built));
  for (const std::string& path : {debug_path_, binary_path_}) {
    if (!name.starts_with("/")) add(DirectoryOf(path) + "/" + name);
    add(DirectoryOf(path) + "/" + std::string(BaseNameOfPath(name)));
  }
  // Built on this machine, run in a container.
  if (built.starts_with("/")) add(built);
  return places;
}

absl::Status SplitUnits::Missing(const Dwarf_Die& skeleton) {
  const std::string name = DwoName(skeleton);
  const auto problem = problems_.find(skeleton.addr);
  const bool known = problem != problems_.end() && !problem->second.empty();
  return WithHint(
      absl::NotFoundError(fmt::format("{}: split debug file {} {}", debug_path_, name.empty() ? "(unnamed)" : name,
                                      known ? problem->second : std::string("is missing"))),
      "keep the .dwo files where they were built, or put a package (`dwp`, named like the binary with .dwp "
      "behind) beside the binary, or build without -gsplit-dwarf");
}

}  // namespace dlog::dwarf
