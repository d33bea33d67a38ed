#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dlog against gdb: `run.sh` is the whole and writes RESULTS.md, `run.sh --short` the part for CI. DLOG_BIN names the binaries.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
bin=${DLOG_BIN:-$here/../../build/dev/bin}
for tool in gdb python3; do
  if ! command -v "$tool" > /dev/null; then
    echo "SKIP oracle: $tool is not installed"
    echo "0 passed, 0 failed, 1 skipped"
    [ "${CI:-}" = true ] && exit 1
    exit 0
  fi
done
[ "$#" -eq 0 ] && set -- --results "$here/RESULTS.md"
exec python3 "$here/oracle.py" --bin "$bin" "$@"
