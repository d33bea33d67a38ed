// SPDX-License-Identifier: Apache-2.0
//
// Without the kernel feature or the privilege there is nothing to test: say why and exit with ctest's skip code.
#define CATCH_CONFIG_RUNNER
#include <cstdio>

#include "daemon/attach/kernel_checks.h"
#include "test/catch.h"

int main(int argc, char** argv) {
  constexpr int kSkipped = 77;
  for (const dlog::attach::KernelCheck& check : dlog::attach::RunKernelChecks()) {
    if (check.ok || !check.required) continue;
    printf("SKIP: %s: %s (%s)\n", check.name.c_str(), check.detail.c_str(), check.hint.c_str());
    return kSkipped;
  }
  return Catch::Session().run(argc, argv);
}
