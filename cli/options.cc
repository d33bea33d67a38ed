// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>

#include "daemon/config/values.h"

namespace dlog::cli {
namespace {

// As processes that map the file name it: without symbolic links where the file exists here.
std::string AbsolutePath(const std::string& path) {
  std::error_code error;
  const auto canonical = std::filesystem::canonical(path, error);
  if (!error) return canonical.string();
  const auto absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

}  // namespace

void TargetOptions::AddTo(CLI::App* command, bool offline_allowed) {
  command->add_option("-p,--pid", pid, "process id")->check(CLI::PositiveNumber);
  command->add_option("-x,--exe", exe, "program or shared library: every process that maps it, now and later");
  command->add_option("-t,--target", selectors, "comm:NAME or unit:NAME.service; several must all match")
      ->allow_extra_args(false);
  if (offline_allowed) command->add_option("--binary", binary, "ELF file to read, without any process or daemon");
  command->add_option("--debug-file", debug_file, "separate debug file of the binary");
  command
      ->add_option("--debug-dir", debug_directories,
                   "directory with separate debug files, laid out like /usr/lib/debug; may be repeated")
      ->allow_extra_args(false);
}

absl::Status TargetOptions::Fill(v1::Target* target) const {
  const bool online = pid != 0 || !exe.empty() || !selectors.empty();
  if (online && offline()) return absl::InvalidArgumentError("--binary goes with no other target option");
  if (!online && !offline()) {
    return absl::InvalidArgumentError("no target is named: -p PID, -x PATH or -t comm:NAME");
  }
  target->set_pid(pid);
  if (!exe.empty()) target->set_exe_path(AbsolutePath(exe));
  for (const std::string& selector : selectors) target->add_selectors(selector);
  if (offline()) target->set_binary_path(AbsolutePath(binary));
  if (!debug_file.empty()) target->set_debug_file(AbsolutePath(debug_file));
  for (const std::string& directory : debug_directories) target->add_debug_directories(AbsolutePath(directory));
  return absl::OkStatus();
}

void InstrumentOptions::AddTo(CLI::App* command) {
  command->add_option("--if", condition, "C++ condition, evaluated in the kernel at each hit");
  command->add_option("--level", level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  command->add_option("--tag", tags, "word that the events carry; may be repeated")->allow_extra_args(false);
  command->add_option("--ttl", ttl, "remove after this time, for example 10m (default 1h)");
  command->add_option("--hits", hits, "remove after this many events")->check(CLI::NonNegativeNumber);
  command->add_option("--rate", rate, "events per second, for example 500/s (default 1000/s, 0 = unlimited)");
  command->add_option("--every", every, "log the first of each so many hits")->check(CLI::NonNegativeNumber);
  command->add_option("--sample", sample, "log this share of the hits, by chance, for example 1%");
  command->add_option("--budget", budget, "part of one core that the probes may take from the target (default 1%)");
  command->add_option("--depth", depth, "how deep pointers and containers are followed (default 3)")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--items", items, "elements captured of a container (default 100)")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--string", string_bytes, "bytes captured of a string (default 256)")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--bytes", event_bytes, "bytes captured for an event (default 16KiB)");
  command->add_option("--site", site, "auto: the cheapest equivalent instruction; exact: the line's first or none")
      ->check(CLI::IsMember({"auto", "exact"}));
  command->add_flag(
      "--recover", recover,
      "arguments that are optimised out at the line: keep them from the function's entry, by a probe there");
}

absl::Status InstrumentOptions::Fill(v1::LogpointSpec* spec) const {
  spec->set_condition(condition);
  spec->set_level(level == "debug"   ? v1::LEVEL_DEBUG
                  : level == "warn"  ? v1::LEVEL_WARN
                  : level == "error" ? v1::LEVEL_ERROR
                                     : v1::LEVEL_INFO);
  for (const std::string& tag : tags) spec->add_tags(tag);
  spec->set_site_policy(site == "exact" ? v1::SITE_EXACT : v1::SITE_AUTO);
  spec->set_recover(recover);
  v1::Limits* limits = spec->mutable_limits();
  limits->set_hits(hits);
  limits->set_every(every);
  limits->set_depth(depth);
  limits->set_items(items);
  limits->set_string_bytes(string_bytes);
  if (!ttl.empty()) {
    auto value = ParseDurationMs(ttl);
    if (!value.ok()) return value.status();
    limits->set_ttl_ms(*value);
  }
  if (!rate.empty()) {
    auto value = ParseRate(rate);
    if (!value.ok()) return value.status();
    limits->set_rate_per_second(*value);
  }
  if (!sample.empty()) {
    auto value = ParsePart(sample);
    if (!value.ok()) return value.status();
    limits->set_sample(*value);
  }
  if (!budget.empty()) {
    auto value = ParsePart(budget);
    if (!value.ok()) return value.status();
    limits->set_budget(*value);
  }
  if (!event_bytes.empty()) {
    auto value = ParseBytes(event_bytes);
    if (!value.ok()) return value.status();
    limits->set_event_bytes(static_cast<uint32_t>(std::min<uint64_t>(*value, UINT32_MAX)));
  }
  return absl::OkStatus();
}

CLI::Option* AddText(CLI::App* command, std::string* text) {
  command->footer(R"(TEXT, as in 'order {o.id} of {o.customer}: {total:.2f}':
  {expr}      a C++ expression without side effects, as on that line: names, . -> [] * &, casts, arithmetic,
              comparisons, size(), empty(), front(), back(), map[key]; $pid $tid $comm $time $this;
              $args, $locals: all there are; at return:NAME $ret and $duration
  {expr:fmt}  formats of std::format: {x:#x} {d:.2f} {s:>10}
              {v:[3]} the first 3 elements, {p:[n]} n elements of what p points to, {p:s} a C string,
              {e:errno} the name of an error number, {t:%F %T} a point in time
  {{ }}       braces
`dlogctl vars TARGET LOCATION` lists the names; `dlogctl explain` tells what an expression gives; more in
README.md (How to use it) and dlogctl(1).)");
  return command->add_option("TEXT", *text, "'text {expr} {expr:fmt}', explained below");
}

}  // namespace dlog::cli
