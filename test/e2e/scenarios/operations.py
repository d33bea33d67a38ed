# SPDX-License-Identifier: Apache-2.0
"""What operations sees: metrics, alert rules, dashboard, the service manager."""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import unittest.mock
import urllib.parse
import urllib.request

import harness
from harness import REPOSITORY, check, check_equal
from registry import scenario
from scenarios_shared import debian_package, reserve_line
from sink_checks import daemon_with

DEPLOY = REPOSITORY / "deploy"


def promtool(*args, **options):
    done = subprocess.run(["promtool", *map(str, args)], capture_output=True, text=True, check=False, **options)
    check_equal(done.returncode, 0, f"promtool {args[:2]}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


@scenario("operations/metrics are what promtool accepts, and rules and dashboard use no other", needs=("bpf", "promtool"))
def metrics(env):
    logpoint = env.add_detached("-x", env.bin / "shop", reserve_line(), "order {o.id}")
    with urllib.request.urlopen(f"http://127.0.0.1:{env.metrics_port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    env.ctl_ok("rm", logpoint)
    check_equal(promtool("check", "metrics", input=text), "", "what promtool has to say")
    known = set(re.findall(r"^# TYPE (dlog_\w+)", text, re.MULTILINE))
    for file in (DEPLOY / "prometheus/dlog.rules.yml", DEPLOY / "grafana/dlog.json"):
        content = file.read_text()
        if file.suffix == ".json":
            content = "\n".join(target["expr"] for panel in json.loads(content)["panels"] for target in panel.get("targets", []))
        else:
            content = "\n".join(line for line in content.splitlines() if not line.strip().startswith(("#", "- name", "summary")))
        used = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bdlog_\w+", content)}
        check(used and used <= known, f"{file.name} uses {used - known}")


@scenario("operations/each metric is there and moves when it should", daemon=False)
def every_metric(env):
    path = env.tmp / "metrics-events.json"
    with daemon_with(env, "--sink", f"file:{path}"), env.shop("--pause-us", "1000") as shop:
        def add(*more):
            return env.add_detached("-p", shop.pid, reserve_line(), "order {o.id} {o.customer}", "--budget", "400%", *more)

        every, rated = add("--rate", "0"), add("--rate", "1/s")
        sampled, some = add("--rate", "0", "--every", "3"), add("--rate", "0", "--if", "o.express")

        def samples():
            found = {}
            for (name, labels), value in env.metrics().items():
                found[name, tuple(sorted(labels))] = value
            return found

        def of(name, **labels):
            return samples().get((name, tuple(sorted(labels.items()))), 0)

        for name, labels in (("logpoint_hits_total", {"logpoint": every}), ("logpoint_events_total", {"logpoint": every}),
                             ("logpoint_captured_bytes_total", {"logpoint": every}), ("logpoint_rate_limited_total", {"logpoint": rated}),
                             ("logpoint_sampled_out_total", {"logpoint": sampled}), ("logpoint_filtered_total", {"logpoint": some}),
                             ("logpoint_overhead_ratio", {"logpoint": every}), ("sink_events_total", {"sink": "file"}),
                             ("event_latency_seconds_count", {}), ("event_latency_seconds_sum", {}), ("resolve_seconds_count", {})):
            harness.wait_until(lambda name=name, labels=labels: of("dlog_" + name, **labels) > 0, 30, f"dlog_{name} {labels} moves")
        check_equal((of("dlog_logpoints", state="active"), of("dlog_logpoints", state="paused"), of("dlog_targets")), (4, 0, 1),
                    "logpoints and targets")
        check_equal(sum(value for (name, _), value in samples().items() if name == "dlog_sites"), 4, "sites")
        env.ctl_ok("pause", rated)
        check_equal((of("dlog_logpoints", state="active"), of("dlog_logpoints", state="paused")), (3, 1), "logpoints after pause")
        names = {name for name, _ in samples()}
        check({"dlog_logpoint_dropped_total", "dlog_ring_used_ratio", "dlog_symbolizer_failures_total", "dlog_build_info"} <= names,
              f"{names}")
        # The numbers of a scrape are those of the account.
        counters = env.counters_of(env.ctl_json("pause", every))
        check_equal((of("dlog_logpoint_hits_total", logpoint=every), of("dlog_logpoint_events_total", logpoint=every)),
                    (counters["hits"], counters["emitted"]), "hits and events")
        env.ctl_ok("rm", "--all")
        check_equal([key for key in samples() if key[0].startswith("dlog_logpoint_")], [], "series of logpoints that are gone")
        check_equal((of("dlog_targets"), sum(value for (name, _), value in samples().items() if name == "dlog_sites")), (0, 0),
                    "targets and sites")


@scenario("operations/a real Prometheus scrapes what the account says, loads the rules and forgets logpoints that are gone",
          needs=("bpf", "prometheus"))
def prometheus(env):
    config, port = env.tmp / "prometheus.yml", harness.free_port()
    config.write_text(f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{DEPLOY / 'prometheus/dlog.rules.yml'}]\n"
                      f"scrape_configs:\n- {{job_name: dlog, static_configs: [{{targets: ['127.0.0.1:{env.metrics_port}']}}]}}\n")

    def get(path, **query):
        url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]
        return None

    def values(expression):
        found = get("query", query=expression)
        return [float(each["value"][1]) for each in found["result"]] if found else []

    argv = ["prometheus", "--config.file", config, "--storage.tsdb.path", env.tmp / "prometheus", "--web.listen-address",
            f"127.0.0.1:{port}", "--log.level", "error"]
    with env.shop("--pause-us", "1000") as shop, env.running(argv, stdout=subprocess.DEVNULL):
        logpoint = env.add_detached("-p", shop.pid, reserve_line(), "order {o.id}", "--rate", "10/s", "--budget", "400%")
        harness.wait_until(lambda: values('up{job="dlog"}') == [1], 60, "Prometheus has scraped dlogd")
        of = f'{{logpoint="{logpoint}"}}'
        harness.wait_until(lambda: any(value > 0 for value in values(f"rate(dlog_logpoint_rate_limited_total{of}[30s])")), 60,
                           "a rate of what the rate limit holds back")
        counters = env.counters_of(env.ctl_json("pause", logpoint))
        for name, want in (("hits", counters["hits"]), ("events", counters["emitted"]), ("rate_limited", counters["rate_limited"])):
            harness.wait_until(lambda name=name, want=want: values(f"dlog_logpoint_{name}_total{of}") == [want], 60,
                               f"{name} of Prometheus are those of the account: {counters}")
        check_equal(values("dlog_build_info"), [1], "build info")
        rules = [rule for group in get("rules")["groups"] for rule in group["rules"]]
        wanted = set(re.findall(r"- alert: (\w+)", (DEPLOY / "prometheus/dlog.rules.yml").read_text()))
        harness.wait_until(lambda: all(rule["health"] == "ok" for group in get("rules")["groups"] for rule in group["rules"]), 60,
                           f"rules are evaluated: {rules}")
        check_equal({rule["name"] for rule in rules}, wanted, "rules")
        env.ctl_ok("rm", logpoint)
        harness.wait_until(lambda: values(f"dlog_logpoint_hits_total{of}") == [], 60, "series of a logpoint that is gone")


@scenario("operations/alert rules fire for each trouble and are silent on a healthy node", needs=("promtool",), daemon=False)
def rules(env):
    del env
    promtool("check", "rules", "dlog.rules.yml", cwd=DEPLOY / "prometheus")
    promtool("test", "rules", "dlog.rules.test.yml", cwd=DEPLOY / "prometheus")


@scenario("operations/service manager hears of start, reload, watchdog and end", daemon=False)
def notify(env):
    path = env.tmp / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(30)

        def wait_for(want):
            while (got := listener.recv(4096).decode()) != want:
                check(got == "WATCHDOG=1", f"{got!r} instead of {want!r}")

        with unittest.mock.patch.dict(os.environ, NOTIFY_SOCKET=str(path), WATCHDOG_USEC="400000"):
            daemon = env.start_daemon()
        wait_for("READY=1")
        for _ in range(2):
            check_equal(listener.recv(4096).decode(), "WATCHDOG=1", "what a living dlogd says")
        daemon.send_signal(signal.SIGHUP)
        wait_for("RELOADING=1")
        wait_for("READY=1")
        daemon.send_signal(signal.SIGTERM)
        wait_for("STOPPING=1")
    check_equal(env.stop_daemon(), 0, "dlogd's exit status")


@scenario("operations/capabilities of the unit are enough", needs=("bpf", "setpriv"), daemon=False)
def capabilities(env):
    unit = (DEPLOY / "systemd/dlogd.service").read_text()
    allowed = set(re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.MULTILINE)[1].lower().split())
    known = subprocess.run(["setpriv", "--list-caps"], capture_output=True, text=True, check=True).stdout.split()
    dropped = ",".join("-" + name for name in known if f"cap_{name}" not in allowed)
    check(len(dropped.split(",")) > 20, f"only {dropped} are dropped")
    env.start_daemon(prefix=("setpriv", "--bounding-set", dropped, "--inh-caps", "-all", "--no-new-privs"))
    status = open(f"/proc/{env.daemon_process.pid}/status", encoding="utf-8").read()
    check("NoNewPrivs:\t1" in status, "dlogd may gain privileges")
    with env.shop("--pause-us", "1000") as shop:
        logpoint = env.add_detached("-p", shop.pid, reserve_line(), "order {o.id}")
        harness.wait_until(lambda: env.counters(logpoint)["emitted"] > 0, 20, "events")
        doctor = env.ctl_json("doctor")
        check(all(each["ok"] for each in doctor["checks"] if each["required"]), f"{doctor}")
        env.ctl_ok("rm", logpoint)
    check_equal(env.stop_daemon(), 0, "dlogd's exit status")


@scenario("operations/Debian package has programs, unit, configuration and man pages, and its unit is valid",
          needs=("cpack", "dpkg-deb", "dpkg-shlibdeps"), daemon=False)
def package(env):
    deb = debian_package(env)
    root = env.tmp / "package-root"
    subprocess.run(["dpkg-deb", "-x", str(deb), str(root)], check=True)
    for path in ("usr/bin/dlogd", "usr/bin/dlogctl", "usr/bin/dlog-symbolizer", "usr/lib/systemd/system/dlogd.service",
                 "etc/dlog/dlogd.yaml", "usr/share/man/man8/dlogd.8", "usr/share/man/man1/dlogctl.1",
                 "usr/share/doc/dlog/REFERENCE.md"):
        check((root / path).exists(), f"{path} is not in the package")
    if shutil.which("systemd-analyze"):
        # The unit of the package, with the package's program where it lies now.
        unit = env.tmp / "dlogd.service"
        installed = (root / "usr/lib/systemd/system/dlogd.service").read_text()
        check_equal(installed.count("ExecStart=/usr/bin/dlogd "), 1, "what the unit starts")
        unit.write_text(installed.replace("ExecStart=/usr/bin/dlogd ", f"ExecStart={root}/usr/bin/dlogd "))
        verified = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
        check(verified.returncode == 0 and "dlogd.service" not in verified.stderr, f"systemd-analyze verify: {verified.stderr}")
    fields = subprocess.run(["dpkg-deb", "-f", str(deb)], capture_output=True, text=True, check=True).stdout
    check("Package: dlog\n" in fields and "libc6" in fields and "libgrpc" in fields, fields)
    subprocess.run([str(root / "usr/bin/dlogd"), "--check-config", "--config", str(root / "etc/dlog/dlogd.yaml")], check=True,
                   stdout=subprocess.DEVNULL)


@scenario("operations/completion scripts are valid and know every command", needs=("bash",), daemon=False)
def completion(env):
    commands = set(re.findall(r"^  (\w+) {2,}", env.ctl_ok("--help", server=False).stdout.split("Subcommands:")[1], re.MULTILINE))
    check({"log", "apply", "pause", "ps"} <= commands, f"{commands}")
    for shell in ("bash", "zsh"):
        script = env.ctl_ok("completion", shell, server=False).stdout
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    script = env.ctl_ok("completion", "bash", server=False).stdout
    for words, want in (("''", commands), ("log --de", {"--depth", "--detach", "--debug-file"}), ("log -o j", {"json"})):
        done = subprocess.run(["bash", "-c", script + f"\nCOMP_WORDS=(dlogctl {words}); COMP_CWORD={len(words.split())}; "
                               "_dlogctl; echo ${COMPREPLY[@]}"], capture_output=True, text=True, check=True)
        check(want <= set(done.stdout.split()), f"{words}: {done.stdout} lacks {want - set(done.stdout.split())}")
    manual = (DEPLOY / "man/dlogctl.1").read_text().split(".SH COMMANDS")[1].split(".SH EXIT STATUS")[0]
    check_equal({command for command in commands if not re.search(rf"\b{command}\b", manual)}, set(), "commands that the manual lacks")
    fish = env.ctl_ok("completion", "fish", server=False).stdout
    check(all(f" -a {command} " in fish for command in commands), fish[:500])


@scenario("operations/ps lists what is instrumented, target by target; status says how dlogd is")
def ps(env):
    check_equal(env.ctl_json("ps"), {"targets": []}, "targets without logpoints")
    with env.shop("--pause-us", "1000") as shop:
        first, second = (env.add_detached("-p", shop.pid, reserve_line(), f"{n} {{o.id}}") for n in (1, 2))
        other = env.add_detached("-x", env.bin / "shop", reserve_line(), "order {o.id}")
        env.ctl_ok("pause", second)
        harness.wait_until(lambda: env.counters(first)["emitted"] > 0, 20, "events")
        targets = {each["target"]: each for each in env.ctl_json("ps")["targets"]}
        check_equal(set(targets), {f"pid {shop.pid}", str(env.bin / "shop")}, "targets")
        one = targets[f"pid {shop.pid}"]
        check_equal((sorted(one["logpoints"]), one["active"], one["sites"]), (sorted([first, second]), 1, 1), "the process")
        check(one["events"] > 0 and one["host"], f"{one}")
        table = env.ctl_ok("ps").stdout.splitlines()
        check_equal((table[0].split()[:3], len(table)), (["TARGET", "LOGPOINTS", "ACTIVE"], 3), "table")
        check_equal(env.ctl_json("status")["logpoints"], 2, "logpoints of status")
        env.ctl_ok("rm", first, second, other)
    check_equal(env.ctl_json("ps"), {"targets": []}, "targets once all are removed")


@scenario("operations/top shows rates")
def top(env):
    with env.shop("--pause-us", "1000") as shop:
        logpoint = env.add_detached("-p", shop.pid, reserve_line(), "order {o.id}", "--rate", "50/s")
        result = env.ctl_ok("-o", "json", "top", "--interval", "1s", "--count", "2")
        env.ctl_ok("rm", logpoint)
    looks = result.json_lines()
    check_equal([[each["id"] for each in look["logpoints"]] for look in looks], [[logpoint], [logpoint]], "logpoints")
    row = looks[1]["logpoints"][0]
    check(0 < row["events_per_second"] <= row["hits_per_second"] and row["held_back_per_second"] > 0, f"{row}")
