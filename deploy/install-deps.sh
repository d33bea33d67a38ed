#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs the distribution packages that dlog needs, only those that are missing. Debian 12 and 13, Ubuntu 24.04.
#
#   deploy/install-deps.sh [build] [test] [bench]      default: build
#
# build  compilers, libraries and tools that the four binaries are made with
# test   what test/run.sh needs on top: gdb as the oracle, the JVM and CPython with their debug information, linters
# bench  peers to compare with
#
# Exit status: 0 everything is there, 1 something could not be installed, 2 wrong usage.
set -euo pipefail

die() {
  echo "install-deps: $1" >&2
  [ $# -lt 2 ] || echo "hint: $2" >&2
  exit 1
}

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Prints the first of the names that is installed or that apt could install; the last one when apt knows none of them.
first_of() {
  local name
  for name in "$@"; do installed "$name" && echo "$name" && return; done
  for name in "$@"; do
    apt-cache policy "$name" 2>/dev/null | grep -q 'Candidate: [^(]' && echo "$name" && return
  done
  echo "${!#}"
}

build_packages() {
  echo cmake ninja-build ccache pkg-config g++
  echo libbpf-dev libelf-dev libdw-dev libseccomp-dev libzydis-dev libisal-dev libzstd-dev libdebuginfod-dev
  echo libabsl-dev libfmt-dev libcli11-dev
  echo libprotobuf-dev protobuf-compiler libgrpc++-dev protobuf-compiler-grpc
  echo prometheus-cpp-dev libyaml-cpp-dev libcurl4-openssl-dev libssl-dev zlib1g-dev
  echo catch2
  first_of clang-19 clang  # the BPF programs
  echo llvm                # llvm-strip for the BPF objects
  # Debian packages bpftool; Ubuntu ships it with the kernel's tools.
  if [ "$distribution" = ubuntu ]; then echo linux-tools-common linux-tools-generic; else echo bpftool; fi
}

test_packages() {
  echo rsyslog rsyslog-openssl systemd prometheus dpkg-dev openssl buildah debootstrap python3-yaml  # what sinks, metrics and the package are tested with
  echo python3 gdb dwz debuginfod clang clang-format clang-tidy shellcheck
  echo libclang-rt-dev  # libFuzzer and the sanitizers of clang
  # A Java runtime can run a single source file by itself: no JDK needed.
  local java
  java=$(first_of openjdk-17-dbg openjdk-21-dbg)
  echo "${java%-dbg}-jre-headless" "$java"
  first_of libc++-19-dev libc++-dev  # containers of another standard library
  echo libboost-dev qtbase5-dev  # and of other libraries
  [ "$distribution" = ubuntu ] || echo gcc-12-source gdb-source  # test programs for the oracle
  first_of python3.11-dbg python3.12-dbg python3.13-dbg
}

bench_packages() { echo bpftrace libbenchmark-dev; }

missing_of() {
  local name
  for name in "$@"; do installed "$name" || echo "$name"; done
}

# Ubuntu's /usr/sbin/bpftool only looks for the tools of the running kernel, which a container or a custom kernel has not.
ensure_bpftool_runs() {
  bpftool version >/dev/null 2>&1 && return
  local tool
  for tool in /usr/lib/linux-tools/*/bpftool /usr/lib/linux-tools-*/bpftool; do
    if [ -x "$tool" ] && "$tool" version >/dev/null 2>&1; then
      ln -sf "$tool" /usr/local/sbin/bpftool
      return
    fi
  done
  die "bpftool does not run" "try: bpftool version"
}

install() {
  echo "installing $# packages and what they need: $*"
  if ! apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" 2>&1 | tee "$log" |
    awk '/^Need to get/ { print "  " $0; fflush() } /^Setting up/ { printf "  %s\n", $3; fflush() }'; then
    tail -20 "$log" >&2
    die "apt-get install failed"
  fi
}

# Fills `missing` with the packages of the groups that are not installed.
find_missing() {
  local group wanted=()
  for group in "${groups[@]}"; do
    mapfile -t -O "${#wanted[@]}" wanted < <("${group}_packages" | tr ' ' '\n')
  done
  mapfile -t missing < <(missing_of "${wanted[@]}")
}

groups=("$@")
[ $# -gt 0 ] || groups=(build)
for group in "${groups[@]}"; do
  case "$group" in
    build | test | bench) ;;
    *)
      echo "usage: deploy/install-deps.sh [build] [test] [bench]" >&2
      exit 2
      ;;
  esac
done
PATH=$PATH:/usr/sbin:/sbin
command -v apt-get >/dev/null || die "no apt here: only Debian and Ubuntu are supported"
distribution=$(sed -n 's/^ID=//p' /etc/os-release)

find_missing
if [ "${#missing[@]}" -gt 0 ]; then
  [ "$(id -u)" = 0 ] || die "missing packages: ${missing[*]}" "run: sudo deploy/install-deps.sh ${groups[*]}"
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  export DEBIAN_FRONTEND=noninteractive
  echo "refreshing the package lists"
  apt-get -q update >"$log" 2>&1 || { tail -20 "$log" >&2; die "apt-get update failed" "is the network up?"; }
  find_missing  # again: which alternatives exist is only known now
  install "${missing[@]}"
fi
ensure_bpftool_runs
