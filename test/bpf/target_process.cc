// SPDX-License-Identifier: Apache-2.0
#include "test/bpf/target_process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace dlog::test {

TargetProcess::TargetProcess() : path_(DLOG_PROBE_TARGET) {
  Start();
  ReadIntroduction();
}

void TargetProcess::Start() {
  int in[2], out[2];
  if (pipe(in) != 0 || pipe(out) != 0) throw std::runtime_error("pipe");
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    for (int fd : {in[0], in[1], out[0], out[1]}) close(fd);
    execl(path_.c_str(), path_.c_str(), nullptr);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  to_ = fdopen(in[1], "w");
  from_ = fdopen(out[0], "r");
}

std::string TargetProcess::ReadLine() {
  char line[512];
  if (fgets(line, sizeof(line), from_) == nullptr) throw std::runtime_error("the target process is gone");
  std::string text(line);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

void TargetProcess::ReadIntroduction() {
  for (std::string line = ReadLine(); line != "ready"; line = ReadLine()) {
    std::istringstream words(line);
    std::string kind, name, bytes;
    words >> kind >> name >> std::hex;
    if (kind == "data") {
      words >> data_[name];
      continue;
    }
    TargetSite& site = sites_[name];
    words >> site.offset.value >> site.address >> bytes;
    for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
      site.instruction.push_back(static_cast<uint8_t>(std::stoul(bytes.substr(i, 2), nullptr, 16)));
    }
  }
}

TargetProcess::~TargetProcess() {
  if (to_ != nullptr) fclose(to_);
  if (from_ != nullptr) fclose(from_);
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
}

std::string TargetProcess::Command(const std::string& command) {
  fprintf(to_, "%s\n", command.c_str());
  fflush(to_);
  return ReadLine();
}

std::string TargetProcess::ByteAt(uint64_t address) {
  std::ostringstream command;
  command << "byte " << std::hex << address;
  return Command(command.str());
}

bool TargetProcess::Alive() const { return waitpid(pid_, nullptr, WNOHANG) == 0; }

}  // namespace dlog::test
