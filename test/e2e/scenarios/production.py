# SPDX-License-Identifier: Apache-2.0
"""Logpoints that wait, pause, move to new builds and outlive their daemon."""
import os
import re
import shutil
import signal
import time

import harness
from harness import check, check_equal
from registry import scenario
from scenarios_shared import reserve_line
from sink_checks import daemon_with


def state_of(env, logpoint):
    return env.ctl_json("describe", logpoint)["logpoint"]


def wait_for_state(env, logpoint, state, timeout_s=20):
    def there():
        found = state_of(env, logpoint)
        return found["state"] == state and found

    return harness.wait_until(there, timeout_s, f"{logpoint} is {state}, is {state_of(env, logpoint)}")


def emits(env, logpoint):
    before = env.counters(logpoint)["emitted"]
    harness.wait_until(lambda: env.counters(logpoint)["emitted"] > before, 20, f"{logpoint} emits")


def waiting(env, *args):
    result = env.ctl_ok("log", *args, "--detach")
    return re.search(r"\blp-\d+\b", result.stdout)[0], result


@scenario("production/pause takes the probe away, resume brings it back, the account goes on")
def pause(env):
    with env.shop("--pause-us", "1000") as shop:
        links = env.kernel.links()
        logpoint = env.add_detached("-p", shop.pid, reserve_line(), "order {o.id}")
        emits(env, logpoint)
        env.ctl_ok("pause", logpoint)
        harness.wait_until(lambda: not env.new_links(links), harness.KERNEL_SETTLE_S, "the link is gone")
        paused = state_of(env, logpoint)
        check_equal(paused["state"], "paused", "state")
        time.sleep(0.3)
        check_equal(env.counters(logpoint), env.counters_of(paused), "account while paused")
        env.ctl_ok("resume", logpoint)
        check_equal(state_of(env, logpoint)["state"], "active", "state")
        emits(env, logpoint)
        counters = env.counters_of(env.ctl_json("rm", logpoint))
        check(counters["emitted"] > env.counters_of(paused)["emitted"], "the account has started anew")
        check_equal(harness.accounted(counters), counters["hits"], "sum of the account")
        check_equal(env.ctl("pause", logpoint).returncode, 1, "pause of a removed logpoint")


@scenario("production/a logpoint for a name waits for its process, survives its end and finds the next one")
def selector(env):
    logpoint, result = waiting(env, "-t", "comm:shop-later", reserve_line(), "order {o.id}")
    check("no process is named shop-later" in result.stdout, str(result))
    check_equal(state_of(env, logpoint)["state"], "pending", "state")
    program = env.tmp / "shop-later"
    shutil.copy(env.bin / "shop", program)
    for _ in range(2):
        with env.shop("--pause-us", "1000", program=program):
            wait_for_state(env, logpoint, "active")
            emits(env, logpoint)
    env.ctl_ok("rm", logpoint)


@scenario("production/a program that is replaced by a new build is resolved and attached again")
def new_build(env):
    program, old = env.tmp / "replaced", env.tmp / "replaced.old"
    shutil.copy(env.bin / "shop", program)
    logpoint = env.add_detached("-x", program, reserve_line(), "order {o.id}")
    with env.shop("--pause-us", "1000", program=program):
        emits(env, logpoint)
    # Another build: the same code with another build-id.
    os.rename(program, old)
    data = bytearray(old.read_bytes())
    build_id = bytes.fromhex(env.ctl_json("describe", logpoint)["resolved"]["binaries"][0]["build_id"])
    check_equal(data.count(build_id), 1, "build-ids in the file")
    at = data.find(build_id)
    data[at] ^= 0xFF
    program.write_bytes(data)
    program.chmod(0o755)
    new_id = bytes(data[at:at + len(build_id)]).hex()
    found = harness.wait_until(lambda: (state := state_of(env, logpoint)).get("reason") and state, 20, "it says what it is on now")
    check_equal((found["state"], found["reason"]), ("active", f"now on build {new_id}"), "state")
    with env.shop("--pause-us", "1000", program=program):
        emits(env, logpoint)
    env.ctl_ok("rm", logpoint)


@scenario("production/logpoints outlive SIGTERM and kill -9 of dlogd, paused ones stay paused, removed ones stay away",
          daemon=False)
def restart(env):
    state = env.tmp / "kept"
    with env.shop("--pause-us", "1000") as shop:
        env.start_daemon("--state-dir", state)
        kept = env.add_detached("-p", shop.pid, reserve_line(), "order {o.id}", "--tag", "kept")
        paused = env.add_detached("-x", env.bin / "shop", reserve_line(), "paused {o.id}")
        removed = env.add_detached("-p", shop.pid, reserve_line(), "removed {o.id}")
        emits(env, kept)
        env.ctl_ok("pause", paused)
        env.ctl_ok("rm", removed)
        before = env.counters(kept)
        for sig in (signal.SIGTERM, signal.SIGKILL):
            env.stop_daemon(sig)
            started = time.monotonic()
            env.start_daemon("--state-dir", state)
            ready = time.monotonic()
            wait_for_state(env, kept, "active")
            took = time.monotonic() - ready
            print(f"     ready after {ready - started:.2f} s, attached {took:.2f} s later", flush=True)
            emits(env, kept)
            check_equal({each["id"]: each["state"] for each in env.logpoints()}, {kept: "active", paused: "paused"}, "logpoints")
            check_equal(state_of(env, kept)["tags"], ["kept"], "tags")
            check_equal(state_of(env, kept)["resolve_ms"], 0, "time in a worker, for a known build")
            if sig == signal.SIGTERM:
                check(env.counters(kept)["hits"] > before["hits"], "the account has started anew")
        new = env.add_detached("-p", shop.pid, reserve_line(), "new {o.id}")
        check(new not in (kept, paused, removed), f"{new} was there before")
        env.ctl_ok("rm", "--all")
    check_equal(env.stop_daemon(), 0, "dlogd's exit status")
    env.start_daemon("--state-dir", state)
    check_equal(env.logpoints(), [], "logpoints after all were removed")
    env.stop_daemon()


@scenario("production/a logpoint of a process that ended while dlogd was away is not taken up", daemon=False)
def restart_without_target(env):
    state = env.tmp / "kept-gone"
    with env.shop("--pause-us", "1000") as shop:
        env.start_daemon("--state-dir", state)
        env.add_detached("-p", shop.pid, reserve_line(), "order {o.id}")
        env.stop_daemon()
    with daemon_with(env, "--state-dir", state):
        check_equal(env.logpoints(), [], "logpoints")
        check("is not taken up: process" in env.daemon_log.read_text(), env.daemon_log.read_text())


@scenario("production/a damaged state file is set aside and told, and dlogd runs", daemon=False)
def damaged_state(env):
    state = env.tmp / "kept-damaged"
    env.start_daemon("--state-dir", state)
    first = env.add_detached("-x", env.bin / "shop", reserve_line(), "one {o.id}")
    second = env.add_detached("-x", env.bin / "shop", reserve_line(), "two {o.id}")
    env.stop_daemon(signal.SIGKILL)
    journal = state / "logpoints"
    data = bytearray(journal.read_bytes())
    data[-1] ^= 1
    journal.write_bytes(data)
    with daemon_with(env, "--state-dir", state):
        check(f"{journal} is damaged" in env.daemon_log.read_text(), env.daemon_log.read_text())
        ids = {each["id"] for each in env.logpoints()}
        check(first in ids and second not in ids, f"logpoints: {ids}")
        check_equal([each for each in state.iterdir() if "damaged" in each.name][0].read_bytes(), bytes(data), "the file set aside")
        env.ctl_ok("rm", "--all")


@scenario("production/apply is idempotent, changes what a document changes, and export gives the documents back")
def apply(env):
    documents = env.tmp / "logpoints.yaml"
    text = (f"name: ids\ntarget: {{exe: {env.bin / 'shop'}}}\nlocation: {reserve_line()}\ntext: 'order {{o.id}}'\nhits: 100000\n"
            "tags: [one, 'two words']\n---\n"
            f"name: later\ntarget: {{selectors: ['comm:not-there-yet']}}\nlocation: {reserve_line()}\ntext: \"{{o.id:#x}}\"\n"
            "if: 'total > 5 && o.express'\nrate: 5/s\nttl: 30m\nlevel: warn\nsite: exact\n")
    documents.write_text(text)

    def actions():
        return {each["name"]: each["action"] for each in env.ctl_json("apply", "-f", documents)["applied"]}

    check_equal(actions(), {"ids": "added", "later": "added"}, "first apply")
    before = {each["name"]: each["id"] for each in env.logpoints()}
    check_equal({each["name"]: each["state"] for each in env.logpoints()}, {"ids": "active", "later": "pending"}, "states")
    check_equal(actions(), {"ids": "unchanged", "later": "unchanged"}, "second apply")
    documents.write_text(env.ctl_ok("export").stdout)
    check_equal(actions(), {"ids": "unchanged", "later": "unchanged"}, "apply of what export wrote")
    check_equal({each["name"]: each["id"] for each in env.logpoints()}, before, "ids")
    documents.write_text(text.replace("hits: 100000", "hits: 200000"))
    check_equal(actions(), {"ids": "changed", "later": "unchanged"}, "apply of a change")
    documents.write_text("name: x\nlocation: a.cc:1\ntxt: y\n")
    wrong = env.ctl("apply", "-f", documents)
    check_equal(wrong.returncode, 1, "exit status")
    check(f"{documents}:3: unknown key 'txt'" in wrong.stderr and "hint:" in wrong.stderr, str(wrong))
    env.ctl_ok("rm", "--all")
