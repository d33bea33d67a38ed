# SPDX-License-Identifier: Apache-2.0
"""Who changed what: the audit log."""
import json
import os

from harness import check, check_equal
from registry import scenario
from scenarios_shared import reserve_line


@scenario("audit/each change leaves a line that says who asked")
def changes(env):
    path = env.tmp / "audit.json"
    config = env.tmp / "audit.yaml"
    config.write_text(f"audit-log: {path}\n")
    env.stop_daemon()
    env.start_daemon("--config", config)
    try:
        logpoint = env.add_detached("-x", env.bin / "shop", reserve_line(), "order {o.id}", "--if", "total > 5")
        env.ctl_ok("pause", logpoint)
        env.ctl_ok("resume", logpoint)
        env.ctl_ok("ls")
        env.ctl_ok("rm", logpoint)
        env.ctl("rm", "lp-999")
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        shown = env.ctl_json("audit")["audit"]
        table = env.ctl_ok("audit", "--last", "2").stdout.splitlines()
        # What an earlier dlogd has written is shown too.
        env.stop_daemon()
        env.start_daemon("--config", config)
        again = env.ctl_json("audit")["audit"]
    finally:
        env.stop_daemon()
        env.ensure_daemon()
    hosts = {each.pop("host") for each in shown + again}
    check_equal((shown, again, len(hosts)), (lines, lines, 1), "what dlogctl audit shows")
    check_equal((len(table), table[0].split()[:3]), (3, ["TIME", "WHO", "ACTION"]), "table")
    check("no logpoint lp-999" in table[2], table[2])
    check_equal([line["action"] for line in lines], ["add", "pause", "resume", "remove", "remove"], "actions")
    check_equal([line["ids"] for line in lines], [[logpoint]] * 4 + [["lp-999"]], "ids")
    check_equal([line["outcome"] == "ok" for line in lines], [True] * 4 + [False], f"outcomes: {lines}")
    for line in lines:
        check_equal((line["peer"], line["uid"]), ("unix", os.getuid()), "who")
        check(line["pid"] > 0 and line["pid"] != os.getpid(), f"pid: {line}")
    none = env.ctl("--server", f"unix://{env.tmp}/none.sock", "audit", server=False)
    check_equal(none.returncode, 1, f"{none}")
    check_equal((lines[0]["text"], lines[0]["condition"]), ("order {o.id}", "total > 5"), "what")
