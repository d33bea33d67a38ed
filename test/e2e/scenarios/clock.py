# SPDX-License-Identifier: Apache-2.0
"""The time of day is set while dlogd runs: its own copy of it (programs/set_clock.c), not this machine's."""
import datetime
import json
import struct
import time

import fixtures
import harness
from harness import check, check_equal
from registry import scenario
from scenarios_shared import reserve_line
from sink_checks import daemon_with, discarding_peer, wait_for_account

HOUR_S = 3600


class Clock:
    """dlogd's time of day: this machine's and `offset_s`."""

    def __init__(self, env):
        self.path = env.tmp / "clock"
        self.set(0)

    def set(self, offset_s):
        self.offset_s = offset_s
        with open(self.path, "r+b" if self.path.exists() else "wb") as file:  # never truncated: it is mapped
            file.write(struct.pack("<q", offset_s))

    def is_time(self, text):
        told = datetime.datetime.fromisoformat(text[:19]).replace(tzinfo=datetime.timezone.utc).timestamp()
        return abs(told - time.time() - self.offset_s) < HOUR_S / 4


@scenario("faults/the clock is set by an hour, forwards and back: limits, sinks and accounts do not notice, events have the new time",
          needs=("bpf", "g++"), daemon=False)
def set_clock(env):
    library = fixtures.compile_program("set_clock.so", ["set_clock.c"], "-O1", "-shared", "-fPIC", "-ldl", compiler="gcc")
    clock, path, port = Clock(env), env.tmp / "clock-events.json", harness.free_port()
    sinks = ("--sink", f"file:{path},queue=100000", "--sink", f"syslog:tcp:127.0.0.1:{port},queue=100000")
    preloaded = ("env", f"LD_PRELOAD={library}", f"DLOG_TEST_CLOCK={clock.path}")
    with daemon_with(env, *sinks, prefix=preloaded), env.shop("--pause-us", "2000") as shop:
        every = env.add_detached("-p", shop.pid, reserve_line(), "order {o.id}", "--rate", "0", "--budget", "400%", "--ttl", "50m")
        for offset_s in (HOUR_S, 0, -HOUR_S):
            short = env.add_detached("-p", shop.pid, reserve_line(), "short {o.id}", "--ttl", "3s", "--rate", "1/s")
            clock.set(offset_s)
            harness.wait_until(lambda: clock.is_time(json.loads(last_line(path))["time"]), 20, "events have the new time")
            harness.wait_until(lambda short=short: state_of(env, short) == "expired", 30, "a logpoint ends when its time is over")
            check_equal(state_of(env, every), "active", "state of the one that has an hour")
        # The peer of this sink comes now: what has waited for it was not lost, and does not wait for an hour.
        with discarding_peer(port):
            counters = env.counters_of(env.ctl_json("rm", every))
            check_equal(harness.accounted(counters), counters["hits"], "sum of the account")
            emitted = counters["emitted"] + sum(env.counters_of(each)["emitted"] for each in env.logpoints())
            for sink in ("file", "syslog"):
                delivered, dropped = wait_for_account(env, sink, emitted)
                check_equal((delivered, dropped), (emitted, {}), f"account of {sink}")
        check(harness.is_running(shop.pid), "shop is gone")


def state_of(env, logpoint):
    return harness.find_key(env.ctl_json("describe", logpoint), "state")


def last_line(path):
    return path.read_text().rpartition("\n")[0].rpartition("\n")[2]
