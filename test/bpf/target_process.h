// SPDX-License-Identifier: Apache-2.0
//
// A running probe_target, driven line by line.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "symbolizer/base/addresses.h"

namespace dlog::test {

struct TargetSite {
  FileOffset offset;
  uint64_t address = 0;  // in the process
  std::vector<uint8_t> instruction;
};

// Ended and reaped on destruction. A failure to start or to answer throws std::runtime_error: the test fails.
class TargetProcess {
 public:
  TargetProcess();
  ~TargetProcess();
  TargetProcess(const TargetProcess&) = delete;
  TargetProcess& operator=(const TargetProcess&) = delete;

  // Sends one command, returns its answer without the newline.
  std::string Command(const std::string& command);
  // True when the target computed what it computes without probes.
  bool Does(const std::string& command) { return Command(command) == "wrong 0"; }
  // The byte that the process would execute at `address`.
  std::string ByteAt(uint64_t address);
  bool Alive() const;

  pid_t pid() const { return pid_; }
  const std::string& path() const { return path_; }
  const TargetSite& site(const std::string& name) const { return sites_.at(name); }
  uint64_t data(const std::string& name) const { return data_.at(name); }

 private:
  void Start();
  void ReadIntroduction();
  std::string ReadLine();

  const std::string path_;
  pid_t pid_ = -1;
  FILE* to_ = nullptr;
  FILE* from_ = nullptr;
  std::map<std::string, TargetSite> sites_;
  std::map<std::string, uint64_t> data_;
};

}  // namespace dlog::test
