# SPDX-License-Identifier: Apache-2.0
"""kill -9 of dlogd wherever it is in its work: the target is as it was, and the next dlogd knows what was promised."""
import signal
import time

import harness
from harness import check, check_equal
from registry import scenario
from scenarios_shared import function_bytes, reserve_line

# How far the work gets before the signal: from not begun to most likely done.
DELAYS_S = (0, 0.01, 0.04, 0.15)
STATES = {"active", "paused", "pending", "resolving", "throttled"}


class Phases:
    def __init__(self, env, shop):
        self.env, self.shop = env, shop
        self.state = env.tmp / "kill-phases"
        self.untouched = function_bytes(env, shop.pid)
        self.links = env.kernel.links()

    def start(self, wait=True):
        return self.env.start_daemon("--state-dir", self.state, wait=wait)

    def kill(self, what):
        """The target afterwards: without a probe, and running."""
        self.env.stop_daemon(signal.SIGKILL)
        harness.wait_until(lambda: function_bytes(self.env, self.shop.pid) == self.untouched, harness.KERNEL_SETTLE_S,
                           f"shop's code is as it was after {what}")
        harness.wait_until(lambda: not self.env.new_links(self.links), harness.KERNEL_SETTLE_S, f"no link is left after {what}")
        check(harness.is_running(self.shop.pid), f"shop is gone after {what}")

    def kill_during(self, delay_s, *command):
        child = self.env.spawn(self.env.ctl_argv(*command), stdout=-3, stderr=-3)
        time.sleep(delay_s)
        self.kill(f"{command[0]} and {delay_s} s")
        try:
            child.wait(30)  # its server is gone: it says so and ends
        finally:
            self.env.end(child)


@scenario("faults/dlogd is killed in each phase of its work: starting, adding, pausing, resuming, removing, stopping", daemon=False)
def phases(env):
    with env.shop("--pause-us", "2000") as shop:
        phase = Phases(env, shop)
        add = ("log", "-p", shop.pid, reserve_line(), "order {o.id}", "--detach")
        phase.start()
        kept = env.add_detached("-p", shop.pid, reserve_line(), "kept {o.id}")
        phase.kill("an add")
        for delay_s in DELAYS_S:
            phase.start(wait=False)
            time.sleep(delay_s)
            phase.kill(f"{delay_s} s of starting")
            for command in (add, ("pause", kept), ("resume", kept)):
                phase.start()
                phase.kill_during(delay_s, *command)
            phase.start().send_signal(signal.SIGTERM)
            time.sleep(delay_s)
            phase.kill(f"{delay_s} s of stopping")
            check("is damaged" not in env.daemon_log.read_text(), env.daemon_log.read_text())

        phase.start()
        harness.wait_until(lambda: all(each["state"] != "resolving" for each in env.logpoints()), 20, "resolved logpoints")
        states = {each["id"]: each["state"] for each in env.logpoints()}
        check(kept in states and set(states.values()) <= STATES, f"{kept} was promised, logpoints: {states}\n{env.daemon_log.read_text()}")
        check(len(states) <= 1 + len(DELAYS_S), f"logpoints that nobody has asked for: {states}")
        env.ctl_ok("resume", kept)
        before = env.counters(kept)["emitted"]
        harness.wait_until(lambda: env.counters(kept)["emitted"] > before, 20, "events")
        phase.kill_during(0.02, "rm", "--all")
        phase.start()
        env.ctl_ok("rm", "--all")
        check_equal(env.stop_daemon(), 0, "dlogd's exit status")
        check_equal(env.end(shop), 0, "shop's exit status")
