// SPDX-License-Identifier: Apache-2.0
//
// Option groups that several commands share, and their translation into API messages.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "logpoint.pb.h"

namespace dlog::cli {

// -p -x -t, and for the commands that can work offline --binary; --debug-file and --debug-dir with both.
struct TargetOptions {
  void AddTo(CLI::App* command, bool offline_allowed);
  // InvalidArgument (wrong usage) when nothing, or offline and online at once, is named. Paths become absolute.
  absl::Status Fill(v1::Target* target) const;
  bool offline() const { return !binary.empty(); }

  int32_t pid = 0;
  std::string exe;
  std::vector<std::string> selectors;
  std::string binary;
  std::string debug_file;
  std::vector<std::string> debug_directories;
};

// --if --level --tag and the limits.
struct InstrumentOptions {
  void AddTo(CLI::App* command);
  // InvalidArgument (wrong usage) for values that do not parse.
  absl::Status Fill(v1::LogpointSpec* spec) const;

  std::string condition;
  std::string level = "info";
  std::vector<std::string> tags;
  std::string ttl;
  std::string rate;
  std::string event_bytes;
  std::string site = "auto";
  std::string sample;
  std::string budget;
  uint64_t hits = 0;
  uint64_t every = 0;
  uint32_t depth = 0;
  uint32_t items = 0;
  uint32_t string_bytes = 0;
  bool recover = false;
};

// Adds the argument TEXT of log, explain and resolve, and what may stand in it to the end of the help.
CLI::Option* AddText(CLI::App* command, std::string* text);

}  // namespace dlog::cli
