#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs site_checker over real programs: whether moved probes log what the statements' own instructions would.
#
#   test/sites/run.sh [--short] [--bin build/dev/bin] [--work DIR] [--sources DIR]
#
# --short     a few thousand executions of programs that need nothing fetched
# --sources   where lua5.4-*/ and libzstd-*/ of Debian's source packages are; otherwise they are fetched (needs a network)
#
# Prints one row for each program. Exit status 1 when anything differs or a program could not be checked.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
repository=$PWD
bin=$repository/build/dev/bin
work=$repository/build/sites
sources=
short=
while [ $# -gt 0 ]; do
  case $1 in
    --short) short=yes ;;
    --bin) bin=$(realpath "$2") && shift ;;
    --work) work=$2 && shift ;;
    --sources) sources=$(realpath "$2") && shift ;;
    *) echo "run.sh: what is '$1'?" >&2 && exit 2 ;;
  esac
  shift
done
mkdir -p "$work"
cd "$work"
failed=0
total=0

# check NAME EXECUTIONS BINARY FILE... -- COMMAND...
check() {
  local name=$1 executions=$2 binary=$3
  shift 3
  local arguments=(--binary "$binary" --lines 80)
  while [ "$1" != -- ]; do arguments+=(--file "$1") && shift; done
  shift
  local log=$work/$name.log status=0
  if [ -n "$short" ] && [ "$executions" -gt 2000 ]; then executions=2000; fi
  "$bin/site_checker" "${arguments[@]}" --executions "$executions" -- "$@" >"$log" 2>&1 || status=$?
  if [ $status -ne 0 ]; then failed=1; fi
  awk -v name="$name" -v status=$status '
    /^all variables/ { for (i = 1; i < NF; ++i) if ($i == "together") all = $(i + 1) }
    /^no variables/ { for (i = 1; i < NF; ++i) if ($i == "together") none = $(i + 1) }
    /^DIFFERENT/ { print }
    / differences$/ { done = $1 " pairs, " $3 " executed, " $7 " executions, " $9 " values: " $(NF - 1) " differences" }
    END {
      printf "%s sites/%s: emulated sites: %s with all variables, %s without; %s\n", status == 0 ? "PASS" : "FAIL", name, all, none,
             done == "" ? "not checked" : done
    }
  ' "$log"
  local done_executions
  done_executions=$(sed -n 's/.* executed, \([0-9]*\) executions.*/\1/p' "$log" | tail -1)
  total=$((total + ${done_executions:-0}))
}

# Debian's source package NAME, unpacked in $PWD, from where this machine has its packages.
fetch() {
  local apt=(-qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/sources.d" -o "Dir::State::lists=$work/lists")
  if [ ! -d sources.d ]; then
    mkdir -p lists/partial sources.d
    find /etc/apt/sources.list.d -name 'debian*.sources' -exec cp -t sources.d {} +
    sed -i 's/^Types:.*/Types: deb-src/' sources.d/*.sources
    [ ! -s /etc/apt/sources.list ] || sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >sources.d/main.list
    apt-get "${apt[@]}" update
  fi
  apt-get "${apt[@]}" source "$1" >/dev/null
}

# The newest folder here or in $sources of the source package NAME.
folder() { find "${sources:-$work}" -maxdepth 1 -type d -name "$1-*" | sort | tail -1; }

shop_files=(shop/order.cc order_source.cc inventory.cc ledger.cc shop/main.cc)
check shop 10000 "$bin/shop" "${shop_files[@]}" -- "$bin/shop" --orders "$([ -n "$short" ] && echo 20 || echo 2000)"

for compiler in g++ clang++; do
  command -v $compiler >/dev/null || continue
  for level in O0 O2; do
    $compiler -std=c++20 -$level -g -o "values-$compiler-$level" "$repository"/test/e2e/programs/{values,keep}.cc
    check "values.cc-$compiler-$level" 5000 "$work/values-$compiler-$level" values.cc -- "$work/values-$compiler-$level"
  done
done

if [ -x /usr/bin/python3.11-dbg ]; then
  check python3.11-dbg 80000 /usr/bin/python3.11-dbg Objects/listobject.c Objects/dictobject.c Objects/longobject.c Python/ceval.c -- \
    /usr/bin/python3.11-dbg -S -c 'print(sum(len(str(i * i)) + len({i: i}) for i in range(3000)))'
fi

if [ -z "$short" ]; then
  [ -n "$(folder lua5.4)" ] || fetch lua5.4
  [ -n "$(folder libzstd)" ] || fetch libzstd
  mapfile -t lua_files < <(find "$(folder lua5.4)/src" -name '*.c' ! -name luac.c)
  gcc -O2 -g -w -DLUA_USE_LINUX -DLUA_COMPAT_5_3 -x c -o lua "${lua_files[@]}" -lm -ldl
  cat >workload.lua <<'LUA'
local t = {}
for i = 1, 300 do t[i] = {id = i, name = "n" .. i, w = i * 1.5} end
table.sort(t, function(a, b) return a.w > b.w end)
local s = 0
for _, v in ipairs(t) do
  s = s + #v.name + v.id % 7
  if string.find(v.name, "1(%d)") then s = s + 1 end
end
print(string.format("%s %d %5.2f", string.rep("abc", 10) .. tostring(s), s, s / 3), load("return 1+2*3")())
LUA
  check lua5.4 80000 "$work/lua" lvm.c ltable.c lgc.c lstrlib.c ldo.c lparser.c llex.c -- "$work/lua" workload.lua
  zstd=$(folder libzstd)
  mapfile -t zstd_files < <(find "$zstd"/lib/{common,compress,decompress} -name '*.c')
  gcc -O2 -g -w -DXXH_NAMESPACE=ZSTD_ -DZSTD_DISABLE_ASM -I"$zstd/lib" -o zstd-check -x c "$repository/test/sites/zstd_main.c" \
    "${zstd_files[@]}"
  check zstd 80000 "$work/zstd-check" zstd_compress.c huf_compress.c fse_compress.c zstd_fast.c zstd_decompress.c huf_decompress.c -- \
    "$work/zstd-check" "$repository/CHANGELOG.md"
fi

echo "$total executions in all"
exit $failed
