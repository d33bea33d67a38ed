// SPDX-License-Identifier: Apache-2.0
#include "cli/context.h"

int main(int argc, char** argv) { return dlog::cli::Main(argc, argv); }
