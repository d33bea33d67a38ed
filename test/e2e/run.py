#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""End-to-end tests: real binaries, real kernel, real targets.

    test/e2e/run.py [--bin build/dev/bin] [--list] [PATTERN...]

Runs the declarative cases of cases/*.toml and the scenarios of scenarios/*.py whose name contains one of the patterns.
Prints PASS, FAIL or SKIP per case; the last line is `e2e: N passed, N failed, N skipped`. Exit status 1 when one failed.
With CI=true or DLOG_REQUIRE_BPF=1 a case that is skipped for want of eBPF fails instead.
"""
import argparse
import importlib.util
import os
import pathlib
import signal
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import declarative  # noqa: E402
import harness  # noqa: E402
import registry  # noqa: E402


def load_scenarios():
    for path in sorted((HERE / "scenarios").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"scenarios.{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)


def leftovers(env, links_before):
    """What a case left behind, empty when nothing."""
    try:
        harness.wait_until(lambda: not env.new_links(links_before), harness.KERNEL_SETTLE_S, "links are gone")
    except harness.Failure:
        return f"left attached: {list(env.new_links(links_before).values())}"
    strays = env.strays()
    if strays:
        return f"left running: {strays}"
    return ""


def run_case(env, case):
    """Returns ("PASS" | "FAIL" | "SKIP", detail)."""
    links = {}
    try:
        registry.check_needs(env, case.needs)
        if case.daemon:
            env.ensure_daemon()
        else:
            env.stop_daemon()
        if "bpf" in case.needs:
            links = env.kernel.links()
        case.run(env)
        if case.daemon and env.daemon_process is not None:
            remaining = [entry for entry in env.logpoints() if harness.find_key(entry, "state") in (None, "active")]
            harness.check(not remaining, f"logpoints left: {remaining}")
        left = leftovers(env, links) if "bpf" in case.needs else ""
        harness.check(not left, left)
        return "PASS", ""
    except harness.Skip as skip:
        if env.require_bpf and "bpf" in str(skip).lower():
            return "FAIL", f"must not be skipped here: {skip}"
        return "SKIP", str(skip)
    except harness.Failure as failure:
        return "FAIL", str(failure)
    except Exception:  # a defect of the test itself is a failure too
        return "FAIL", traceback.format_exc()


def recover(env):
    """After a failure the next case gets a fresh daemon."""
    try:
        env.stop_daemon()
    except harness.Failure as failure:
        print(f"     while stopping dlogd: {failure}", flush=True)


def main():
    parser = argparse.ArgumentParser(description="dlog's end-to-end tests")
    parser.add_argument("--bin", default=str(harness.REPOSITORY / "build" / "dev" / "bin"))
    parser.add_argument("--list", action="store_true")
    parser.add_argument("patterns", nargs="*")
    options = parser.parse_args()

    load_scenarios()
    cases = [case for case in declarative.load(HERE / "cases") + registry.scenarios()
             if not options.patterns or any(pattern in case.name for pattern in options.patterns)]
    if options.list:
        print("\n".join(case.name for case in cases))
        return 0

    require = os.environ.get("CI") == "true" or os.environ.get("DLOG_REQUIRE_BPF") == "1"
    harness.become_subreaper()
    env = harness.Environment(options.bin, require)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    counts = {"PASS": 0, "FAIL": 0, "SKIP": 0}
    try:
        for case in cases:
            started = time.monotonic()
            outcome, detail = run_case(env, case)
            counts[outcome] += 1
            print(f"{outcome} {case.name} ({time.monotonic() - started:.1f} s)" +
                  (f": {detail}" if detail else ""), flush=True)
            if outcome == "FAIL":
                recover(env)
    finally:
        env.close()
    print(f"e2e: {counts['PASS']} passed, {counts['FAIL']} failed, {counts['SKIP']} skipped")
    return 1 if counts["FAIL"] or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
