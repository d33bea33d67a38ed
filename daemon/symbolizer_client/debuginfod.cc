// SPDX-License-Identifier: Apache-2.0
#include "daemon/symbolizer_client/debuginfod.h"

#include <elfutils/debuginfod.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>

namespace dlog::daemon {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kFewestDigits = 16;  // 8 bytes
constexpr size_t kMostDigits = 128;
constexpr char kConnectSeconds[] = "15";  // without a byte from the server; the client's default is 90

bool IsBuildId(const std::string& text) {
  return text.size() >= kFewestDigits && text.size() <= kMostDigits && text.size() % 2 == 0 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool HasUrls() {
  const char* urls = getenv(DEBUGINFOD_URLS_ENV_VAR);
  return urls != nullptr && urls[0] != '\0';
}

// Called about once a second while a transfer runs; not zero ends it.
int OnProgress(debuginfod_client* client, long /*done*/, long /*total*/) {
  const auto* deadline = static_cast<const Clock::time_point*>(debuginfod_get_user_data(client));
  return Clock::now() > *deadline ? 1 : 0;
}

}  // namespace

Debuginfod Debuginfod::FromEnvironment() { return Debuginfod(HasUrls()); }

Debuginfod Debuginfod::Configure(const std::string& urls, const std::string& cache_directory) {
  if (!urls.empty()) setenv(DEBUGINFOD_URLS_ENV_VAR, urls.c_str(), 1);
  if (!cache_directory.empty()) setenv(DEBUGINFOD_CACHE_PATH_ENV_VAR, (cache_directory + "/debuginfod").c_str(), 0);
  setenv(DEBUGINFOD_TIMEOUT_ENV_VAR, kConnectSeconds, 0);
  return FromEnvironment();
}

UniqueFd Debuginfod::Fetch(const std::string& build_id, int* error) const {
  *error = enabled_ ? EINVAL : EACCES;
  if (!enabled_ || !IsBuildId(build_id)) return UniqueFd();
  const std::unique_ptr<debuginfod_client, decltype(&debuginfod_end)> client(debuginfod_begin(), debuginfod_end);
  *error = ENOMEM;
  if (client == nullptr) return UniqueFd();
  Clock::time_point deadline = Clock::now() + std::chrono::seconds(kMostSeconds);
  debuginfod_set_user_data(client.get(), &deadline);
  debuginfod_set_progressfn(client.get(), OnProgress);
  // Length 0: the build-id is a hexadecimal string.
  const int fd =
      debuginfod_find_debuginfo(client.get(), reinterpret_cast<const unsigned char*>(build_id.c_str()), 0, nullptr);
  *error = fd >= 0 ? 0 : Clock::now() > deadline ? ETIMEDOUT : -fd;
  return UniqueFd(std::max(fd, -1));
}

}  // namespace dlog::daemon
