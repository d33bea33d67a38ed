#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# From a bare machine to log lines of a running program: installs what is missing, builds `release`, starts the sample
# program `shop` and dlogd, adds a logpoint to shop's order code, prints typed lines and the counters, and removes everything.
#
#   sudo deploy/quickstart.sh
#
# Needs root for the packages and for eBPF. Whatever happens, nothing that it started stays.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly LINES_WANTED=12
readonly BIN=$PWD/build/release/bin

if [ "$(id -u)" != 0 ]; then
  echo "quickstart: installing packages and attaching probes needs root" >&2
  echo "hint: sudo deploy/quickstart.sh" >&2
  exit 1
fi

step() { printf '\n== %s\n' "$*"; }

# Shows a command as one would type it, then runs it.
show() {
  local word line='$ dlogctl'
  for word in "$@"; do
    case "$word" in
      *[!a-zA-Z0-9_./:@=-]*) line+=" '$word'" ;;
      *) line+=" $word" ;;
    esac
  done
  printf '%s\n' "$line"
  "$BIN/dlogctl" --server "unix://$socket" "$@"
}

scratch=
shop_pid=
dlogd_pid=
reader_pid=

alive() { [ -d "/proc/$1" ] && [ "$(awk '{ print $3 }' "/proc/$1/stat" 2>/dev/null)" != Z ]; }

# Ends a child of ours: asks, waits up to 5 s, insists.
end() {
  kill "$1" 2>/dev/null || return 0
  for _ in $(seq 50); do
    alive "$1" || break
    sleep 0.1
  done
  kill -9 "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

clean_up() {
  local status=$?
  trap - EXIT INT TERM
  [ -z "$reader_pid" ] || end "$reader_pid"
  [ -z "$dlogd_pid" ] || end "$dlogd_pid"
  [ -z "$shop_pid" ] || end "$shop_pid"
  if [ "$status" != 0 ] && [ -s "$scratch/dlogd.log" ]; then
    echo "-- the end of dlogd's log:" >&2
    tail -20 "$scratch/dlogd.log" >&2
  fi
  [ -z "$scratch" ] || rm -rf "$scratch"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

free_port() {
  local port
  for port in $(seq 9464 9563); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port" && return; }
  done
  return 1
}

# GET / over plain bash, so that no HTTP client has to be installed.
metrics() {
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf 'GET /metrics HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
  timeout 5 cat <&3
  exec 3>&-
}

scratch=$(mktemp -d /tmp/dlog-quickstart.XXXXXX)

step "packages"
deploy/install-deps.sh build
echo "all there"

step "building (release)"
cmake --preset release >"$scratch/configure.log" 2>&1 || { tail -30 "$scratch/configure.log" >&2 && exit 1; }
cmake --build --preset release --target dlogd dlogctl dlog-symbolizer shop

step "starting shop, a small order service with four threads, and dlogd"
socket=$scratch/dlogd.sock
port=$(free_port)
"$BIN/shop" >/dev/null &
shop_pid=$!
"$BIN/dlogd" --socket "$socket" --metrics "127.0.0.1:$port" --state-dir "$scratch/state" --cache-dir "$scratch/cache" \
  >"$scratch/dlogd.log" 2>&1 &
dlogd_pid=$!
for _ in $(seq 200); do
  [ ! -S "$socket" ] || break
  kill -0 "$dlogd_pid" 2>/dev/null || { echo "quickstart: dlogd did not start" >&2 && exit 1; }
  sleep 0.1
done
[ -S "$socket" ] || { echo "quickstart: dlogd is not ready after 20 s" >&2 && exit 1; }
echo "shop is process $shop_pid, dlogd is process $dlogd_pid"

# The line after the total is known and before the stock is touched.
line=$(grep -n 'inventory.Reserve(' test/programs/shop/order.cc | cut -d: -f1)
step "a log line for order.cc:$line, which reads: $(sed -n "${line}s/^ *//p" test/programs/shop/order.cc)"
show log -p "$shop_pid" "order.cc:$line" \
  'order {o.id} for {o.customer}: {o.items}, total {total}' \
  --if 'total > 5000 && o.express' --detach | tee "$scratch/added"
id=$(grep -om1 'lp-[0-9]*' "$scratch/added")

echo
echo "\$ dlogctl tail $id"
count=0
exec 4< <(exec timeout 60 "$BIN/dlogctl" --server "unix://$socket" tail "$id")
reader_pid=$!
while [ "$count" -lt "$LINES_WANTED" ] && read -r text <&4; do
  printf '%s\n' "$text"
  count=$((count + 1))
done
end "$reader_pid"
reader_pid=
exec 4<&-
[ "$count" = "$LINES_WANTED" ] || { echo "quickstart: only $count lines in 60 s" >&2 && exit 1; }

step "what it cost and where every hit went"
show describe "$id"
echo
echo "\$ curl -s http://127.0.0.1:$port/metrics | grep dlog_logpoint_"
metrics | grep '^dlog_logpoint_' | tr -d '\r'

step "removing it"
show rm "$id"
end "$dlogd_pid"
dlogd_pid=
kill -0 "$shop_pid" || { echo "quickstart: shop did not survive" >&2 && exit 1; }
echo "dlogd has ended, shop runs on; now shop is ended too"
end "$shop_pid"
shop_pid=
