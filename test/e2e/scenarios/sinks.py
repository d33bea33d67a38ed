# SPDX-License-Identifier: Apache-2.0
"""Where events go: each sink against the real thing, and the account of every event that went there."""
import pathlib
import signal

import harness
from harness import check, check_equal
from registry import scenario
from scenarios_shared import reserve_line
from sink_checks import ORDERS, daemon_with, log_orders, order_ids, sink_counts, wait_for_account


@scenario("sinks/file has every event once and in order, over rotations", daemon=False)
def file_rotation(env):
    path = env.tmp / "events.json"
    with daemon_with(env, "--sink", f"file:{path},rotate-size=200KiB,keep=100,queue=100000"):
        counters = log_orders(env)
        account = wait_for_account(env, "file", counters["emitted"])
    check_equal(account, (ORDERS, {}), "the sink's account")
    files = sorted(path.parent.glob("events.json.*"), key=lambda each: -int(each.suffix[1:])) + [path]
    check(len(files) > 3, f"only {len(files)} files: nothing was rotated")
    check(all(each.stat().st_size <= 200 << 10 for each in files), "a file is larger than its limit")
    lines = [line for each in files for line in each.read_text().splitlines()]
    check_equal(sorted(order_ids(lines)), list(range(1, ORDERS + 1)), "orders in the files")


@scenario("sinks/file on a full disk counts every lost event, keeps whole lines, and goes on once there is room",
          needs=("bpf", "unshare"), daemon=False)
def disk_full(env):
    mount = env.tmp / "tiny"
    mount.mkdir()
    prefix = ("unshare", "--mount", "--propagation", "private", "sh", "-c",
              f'mount -t tmpfs -o size=256k tmpfs {mount} && exec "$@"', "sh")
    with daemon_with(env, "--sink", f"file:{mount}/events.json,rotate-size=0,queue=100000", prefix=prefix) as daemon:
        inside = pathlib.Path(f"/proc/{daemon.pid}/root{mount}/events.json")
        first = log_orders(env)["emitted"]
        delivered, dropped = wait_for_account(env, "file", first)
        check(dropped.get("disk_full", 0) > 0 and set(dropped) == {"disk_full"}, f"dropped: {dropped}")
        check_equal(delivered + dropped["disk_full"], first, "delivered and lost events")
        text = inside.read_text()
        check(text.endswith("\n"), "the file ends in the middle of a line")
        check_equal(len(order_ids(text.splitlines())), delivered, "lines in the file")

        inside.write_text("")
        second = log_orders(env, orders=300, pause_us=1000)["emitted"]
        after, dropped_after = wait_for_account(env, "file", first + second)
        check_equal((after, dropped_after), (delivered + second, dropped), "the account once there is room again")
        check_equal(len(order_ids(inside.read_text().splitlines())), second, "lines once there is room again")
    mount.rmdir()


@scenario("config/errors name file, line and key, and nothing is started", needs=(), daemon=False)
def config_errors(env):
    config = env.tmp / "broken.yaml"
    config.write_text("metrics: 127.0.0.1:0\nlimits:\n  max-logpoint: 7\n")
    for extra in (["--check-config"], []):
        child = env.spawn([env.bin / "dlogd", "--config", config, *extra], stdout=-1, stderr=-1)
        _, err = child.communicate(timeout=30)
        check_equal(env.end(child), 1, "dlogd's exit status")
        check(f"{config}:3: unknown key 'limits.max-logpoint'" in err and "hint:" in err, err)
    config.write_text("limits:\n  max-logpoints: 7\n")
    child = env.spawn([env.bin / "dlogd", "--config", config, "--check-config"], stdout=-1, stderr=-1)
    child.communicate(timeout=30)
    check_equal(env.end(child), 0, "--check-config of a good file")
    missing = env.tmp / "missing.pem"
    trouble = {f"sinks:\n- {{kind: otlp, name: far, address: 'https://127.0.0.1:1', ca: {missing}}}\n": "sink far",
               f"listen: 127.0.0.1:0\ntls: {{cert: {missing}, key: {missing}, client-ca: {missing}}}\n": "missing.pem"}
    for text, words in trouble.items():
        config.write_text(text)
        child = env.spawn([env.bin / "dlogd", "--config", config, "--check-config"], stdout=-1, stderr=-1)
        _, err = child.communicate(timeout=30)
        check_equal(env.end(child), 1, "--check-config of a file that names one that is not there")
        check(words in err and str(missing) in err and "hint:" in err, err)


@scenario("config/SIGHUP takes sinks over, keeps logpoints, and a broken file changes nothing", daemon=False)
def reload(env):
    config, first, second = env.tmp / "dlogd.yaml", env.tmp / "first.json", env.tmp / "second.json"

    def write(*paths):
        config.write_text("sinks:\n" + "".join(f"- {{kind: file, name: {path.stem}, path: {path}}}\n" for path in paths))

    def says(text):
        harness.wait_until(lambda: text in env.daemon_log.read_text(), 20, f"dlogd says {text!r}")

    write(first)
    with daemon_with(env, "--config", config) as daemon, env.shop("--pause-us", "1000") as shop:
        logpoint = env.add_detached("-p", shop.pid, reserve_line(), "order {o.id}")
        harness.wait_until(lambda: first.stat().st_size > 0, 20, "events in the first file")

        config.write_text("sinks: 7\n")
        daemon.send_signal(signal.SIGHUP)
        says("the old configuration stays")
        size = first.stat().st_size
        harness.wait_until(lambda: first.stat().st_size > size, 20, "the first file grows after a broken reload")

        write(second)
        daemon.send_signal(signal.SIGHUP)
        says("configuration read again")
        harness.wait_until(lambda: second.exists() and second.stat().st_size > 0, 20, "events in the second file")
        size = first.stat().st_size
        counters = env.counters_of(env.ctl_json("rm", logpoint))
        harness.wait_until(lambda: sum(sink_counts(env, name)[0] for name in ("first", "second")) == counters["emitted"],
                           20, "both files together have every event")
        check_equal(first.stat().st_size, size, "size of the first file, which is no sink any more")
        ids = order_ids(first.read_text().splitlines() + second.read_text().splitlines())
        check_equal(len(ids), counters["emitted"], "lines in both files")
        check_equal(len(set(ids)), len(ids), "different orders")
