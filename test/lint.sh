#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# clang-format, clang-tidy and shellcheck over our own sources. Needs a configured and built tree, because clang-tidy reads its
# compile_commands.json and the generated protobuf headers.
#
#   test/lint.sh [--preset dev] [--fix] [--no-tidy] [FILE...]      default: every file under version control
#
# --no-tidy  clang-format and shellcheck only: seconds instead of the better part of an hour
# --fix  formats instead of complaining about format. Exit status 1 when anything was found.
#
# clang-tidy remembers in build/PRESET/tidy/ what it found clean, by the content of the file and of everything of ours that it
# includes, so that a second run only looks at what has changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=dev
format=(clang-format --dry-run -Werror)
tidy=true
while [ $# -gt 0 ]; do
  case "$1" in
    --preset)
      preset=${2:?--preset needs a name}
      shift
      ;;
    --fix) format=(clang-format -i) ;;
    --no-tidy) tidy=false ;;
    -*)
      echo "usage: test/lint.sh [--preset NAME] [--fix] [--no-tidy] [FILE...]" >&2
      exit 2
      ;;
    *) break ;;
  esac
  shift
done

files=("$@")
[ $# -gt 0 ] || mapfile -t files < <(git -c "safe.directory=$PWD" ls-files)
select_files() { printf '%s\n' "${files[@]}" | grep -E "$1" | while read -r file; do [ ! -f "$file" ] || echo "$file"; done; }

failed=false

mapfile -t formatted < <(select_files '\.(h|cc|c)$')
if ! printf '%s\0' "${formatted[@]}" | xargs -0 -r "${format[@]}"; then
  failed=true
  echo "clang-format: see above; test/lint.sh --fix repairs it" >&2
fi

if select_files '^test/.*\.(h|cc)$' | grep -v '^test/catch' | xargs -r grep -n '#include <catch2'; then
  failed=true
  echo "lint: include \"test/catch.h\", which knows both versions of Catch2" >&2
fi

mapfile -t scripts < <(select_files '\.sh$|^\.ci/run$')
if [ "${#scripts[@]}" -gt 0 ] && ! shellcheck "${scripts[@]}"; then
  failed=true
fi

if ! $tidy; then
  if $failed; then exit 1; fi
  exit 0
fi

build=build/$preset
[ -f "$build/compile_commands.json" ] || { echo "lint: $build is not configured: cmake --preset $preset" >&2 && exit 1; }
if ! printf '%s\n' "${formatted[@]}" | python3 -B test/tidy.py "$build"; then
  failed=true
fi

! $failed
