// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/base/open_hook.h"

#include <utility>

namespace dlog {
namespace {

thread_local const OpenHook* current = nullptr;

}  // namespace

ScopedOpenHook::ScopedOpenHook(const OpenHook* hook) : before_(std::exchange(current, hook)) {}
ScopedOpenHook::~ScopedOpenHook() { current = before_; }

int OpenByHook(const char* path) {
  if (current == nullptr) return -1;
  const OpenHook* const hook = std::exchange(current, nullptr);
  const int fd = (*hook)(path);
  current = hook;
  return fd;
}

}  // namespace dlog
