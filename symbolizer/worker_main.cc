// SPDX-License-Identifier: Apache-2.0
//
// dlog-symbolizer: one request on standard input, one answer on standard output, then exit. Runs apart from dlogd
// because it reads untrusted ELF and DWARF; a crash here is an error of one request. It locks itself in before it reads
// the request (symbolizer/sandbox/) and gets its files from the daemon.
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "symbolizer/base/status_hint.h"
#include "symbolizer/resolver.h"
#include "symbolizer/sandbox/exit_status.h"
#include "symbolizer/sandbox/file_client.h"
#include "symbolizer/sandbox/protocol.h"
#include "symbolizer/sandbox/sandbox_linux.h"
#include "symbolizer/valid_text.h"

#if defined(__SANITIZE_ADDRESS__)
// Looking for leaks at the end needs ptrace, which the sandbox forbids; the unit tests of the stages look for them.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }
#endif

namespace {

constexpr size_t kMaxRequestBytes = 16 << 20;

bool ReadAll(int fd, std::string* out) {
  char buffer[65536];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof(buffer));
    if (n == 0) return true;
    if (n < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    if (out->size() + static_cast<size_t>(n) > kMaxRequestBytes) {
      errno = E2BIG;
      return false;
    }
    out->append(buffer, static_cast<size_t>(n));
  }
}

bool WriteAll(int fd, const std::string& bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

struct Arguments {
  bool sandbox = false;
  bool check_only = false;
  std::optional<dlog::sandbox::Account> account;
};

// "UID:GID".
std::optional<dlog::sandbox::Account> ParseAccount(std::string_view text) {
  dlog::sandbox::Account account;
  const char* const end = text.data() + text.size();
  const auto uid = std::from_chars(text.data(), end, account.uid);
  if (uid.ec != std::errc() || uid.ptr == end || *uid.ptr != ':') return std::nullopt;
  const auto gid = std::from_chars(uid.ptr + 1, end, account.gid);
  if (gid.ec != std::errc() || gid.ptr != end || account.uid == 0) return std::nullopt;
  return account;
}

std::optional<Arguments> ParseArguments(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == dlog::sandbox::kSandboxArgument) {
      arguments.sandbox = true;
    } else if (argument == dlog::sandbox::kCheckArgument) {
      arguments.check_only = true;
    } else if (argument.starts_with(dlog::sandbox::kUserArgument)) {
      arguments.account = ParseAccount(argument.substr(std::strlen(dlog::sandbox::kUserArgument)));
      if (!arguments.account.has_value()) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  if (!arguments.sandbox) return std::nullopt;
  return arguments;
}

void OnOutOfMemory() {
  constexpr char kLine[] = "dlog-symbolizer: out of memory\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kLine, sizeof(kLine) - 1);
  ::_exit(dlog::sandbox::kExitOutOfMemory);
}

int AnswerRequest() {
  std::string input;
  if (!ReadAll(STDIN_FILENO, &input)) {
    std::fprintf(stderr, "dlog-symbolizer: cannot read the request: %s\n", std::strerror(errno));
    return 1;
  }
  dlog::v1::SymbolizerRequest request;
  dlog::v1::SymbolizerResponse response;
  if (input.empty() || !request.ParseFromString(input)) {
    std::fprintf(stderr,
                 "dlog-symbolizer: standard input is not a request; this program is run by dlogd and dlogctl\n");
    return 2;
  }
  auto answer = dlog::symbolizer::Resolve(request);
  if (answer.ok()) {
    response = *std::move(answer);
  } else {
    dlog::v1::SymbolizerError* error = response.mutable_error();
    error->set_code(static_cast<int>(answer.status().code()));
    error->set_message(std::string(answer.status().message()));
    error->set_hint(dlog::HintOf(answer.status()));
  }
  dlog::symbolizer::MakeTextValid(&response);
  if (!WriteAll(STDOUT_FILENO, response.SerializeAsString())) {
    std::fprintf(stderr, "dlog-symbolizer: cannot write the answer: %s\n", std::strerror(errno));
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = ParseArguments(argc, argv);
  if (!arguments.has_value()) {
    std::fprintf(stderr, "dlog-symbolizer: this program is run by dlogd and dlogctl, not by hand\n");
    return 2;
  }
  std::set_new_handler(OnOutOfMemory);
  ::setenv("TMPDIR", ".", 1);  // the scratch directory
  dlog::sandbox::SandboxOptions options;
  options.scratch.Reset(dlog::sandbox::kScratchFd);
  options.account = arguments->account;
  dlog::sandbox::SetBroker(dlog::UniqueFd(dlog::sandbox::kBrokerFd));
  auto layers = dlog::sandbox::EnterSandbox(std::move(options));
  if (!layers.ok()) {
    std::fprintf(stderr, "dlog-symbolizer: cannot enter the sandbox: %s\n",
                 std::string(layers.status().message()).c_str());
    return dlog::sandbox::kExitNoSandbox;
  }
  if (arguments->check_only) {
    std::printf("%s\n", dlog::sandbox::Describe(*layers).c_str());
    return 0;
  }
  return AnswerRequest();
}
