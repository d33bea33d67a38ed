#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dlog against gdb: `run.sh` is the whole and writes RESULTS.md and PRETTY_PRINTERS.md, `run.sh --short` the part for CI,
# `run.sh --printers` libstdc++'s tests of its printers alone. DLOG_BIN names the binaries.
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
printers() { python3 "$here/pretty_printers.py" --bin "$bin" --results "$here/PRETTY_PRINTERS.md"; }
if [ "${1:-}" = --printers ]; then
  printers
  exit
fi
if [ "$#" -eq 0 ]; then
  status=0
  python3 "$here/oracle.py" --bin "$bin" --results "$here/RESULTS.md" || status=1
  printers || status=1
  exit "$status"
fi
exec python3 "$here/oracle.py" --bin "$bin" "$@"
