# SPDX-License-Identifier: Apache-2.0
"""Targets that live in another mount namespace, with a root of their own, and in control groups named as runtimes name them."""
import contextlib
import pathlib
import re
import shutil
import subprocess

import harness
from harness import check, check_equal
from registry import scenario
from scenarios_shared import reserve_line

# Enters a mount namespace whose root is the directory argv[1], as runtimes do, and runs argv[2:] there.
ENTER = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def must(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
root = sys.argv[1].encode()
MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH, SYS_pivot_root = 0x1000, 0x4000, 0x40000, 2, 155
must(libc.unshare(0x00020000))
must(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
must(libc.mount(root, root, None, MS_BIND, None))
os.chdir(root)
must(libc.syscall(SYS_pivot_root, b".", b"."))
must(libc.umount2(b".", MNT_DETACH))
os.chdir("/")
os.execv(sys.argv[2], sys.argv[2:])
"""


def make_root(env, name):
    """A directory with a stripped shop in /opt/NAME, its libraries, and its debug file where distributions have them."""
    root = env.tmp / f"root-{name}"
    program = env.bin / "shop"
    files = re.findall(r"(?:=> )?(/\S+) \(0x", subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout)
    for file in files:
        target = root / file.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    (root / "opt").mkdir()
    subprocess.run(["strip", "-o", root / "opt" / name, program], check=True)
    build_id = re.search(r"Build ID: (\w+)", subprocess.run(["readelf", "-n", program], capture_output=True, text=True, check=True).stdout)[1]
    debug = root / "usr/lib/debug/.build-id" / build_id[:2] / f"{build_id[2:]}.debug"
    debug.parent.mkdir(parents=True)
    subprocess.run(["objcopy", "--only-keep-debug", program, debug], check=True)
    for directory in [root, *root.rglob("*")]:
        if directory.is_dir():
            directory.chmod(0o755)
    return root


@contextlib.contextmanager
def contained(env, name):
    root = make_root(env, name)
    argv = ["python3", "-c", ENTER, root, f"/opt/{name}", "--pause-us", "1000"]
    with env.running(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
        comm = pathlib.Path(f"/proc/{child.pid}/comm")
        harness.wait_until(lambda: child.poll() is not None or comm.read_text().strip() == name, 20, "the target runs")
        check(child.poll() is None, "the target ended")
        yield child.pid


@scenario("containers/a target with a root of its own: program, libraries and debug file are found there", needs=("bpf", "readelf"))
def own_root(env):
    with contained(env, "boxed") as pid:
        check(not pathlib.Path("/opt/boxed").exists(), "the path exists outside too")
        for target in (("-p", pid), ("-t", "comm:boxed")):
            result = env.ctl_ok("-o", "json", "log", *target, reserve_line(), "order {o.id} for {o.customer}", "--hits", "3")
            events = result.json_lines()
            check_equal(len(events), 3, f"{result}")
            for event in events:
                check_equal((event["exe"], event["pid"], event["comm"]), ("/opt/boxed", pid, "boxed"), "origin")
                check(re.fullmatch(r"order \d+ for [A-Z][a-z]+ .*", event["message"]), event["message"])
        answer = env.ctl_json("explain", "-p", pid, reserve_line(), "{o.id}")
        check_equal(answer["binaries"][0]["path"], "/opt/boxed", "path")


@contextlib.contextmanager
def control_group(name):
    """A control group directory (version 2); yields it."""
    mounts = [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
    tops = [pathlib.Path(each[1]) for each in mounts if each[2] == "cgroup2" and pathlib.Path(each[1], "cgroup.procs").exists()]
    if not tops:
        raise harness.Skip("no control groups of version 2 here")
    top = tops[0]
    path = top / name
    made = []
    try:
        for directory in [*reversed([each for each in path.parents if top in each.parents]), path]:
            if not directory.exists():
                directory.mkdir()
                made.append(directory)
        yield path
    except PermissionError as error:
        raise harness.Skip(f"control groups cannot be made here: {error}") from error
    except OSError as error:
        if made:
            raise
        raise harness.Skip(f"control groups cannot be made here: {error}") from error
    finally:
        for directory in reversed(made):
            with contextlib.suppress(OSError):
                harness.wait_until(lambda directory=directory: not (directory / "cgroup.procs").read_text(), 10, "the group is empty")
            directory.rmdir()


@scenario("containers/events and lists tell container and pod", needs=("bpf",))
def identity(env):
    container = "0123456789abcdef" * 4
    uid = "2c48913c-b29f-11e7-9350-020968147796"
    name = f"dlogtest.slice/kubepods-burstable-pod{uid.replace('-', '_')}.slice/cri-containerd-{container}.scope"
    with control_group(name) as group, env.shop("--pause-us", "1000") as shop:
        (group / "cgroup.procs").write_text(str(shop.pid))
        event = env.ctl_ok("-o", "json", "log", "-p", shop.pid, reserve_line(), "order {o.id}", "--hits", "1").json_lines()[0]
        check_equal((event["container_id"], event["k8s"]), (container, {"pod_uid": uid}), "identity")
        logpoint = env.add_detached("-p", shop.pid, reserve_line(), "order {o.id}")
        state, = [each for each in env.logpoints() if each["id"] == logpoint]
        check_equal((state["container_id"], state["k8s"]), (container, {"pod_uid": uid}), "identity in ls")
        text = env.ctl_ok("describe", logpoint).stdout
        check(f"container  {container}\n" in text and f"pod uid    {uid}\n" in text, text)
        env.ctl_ok("rm", logpoint)
    with env.shop("--pause-us", "1000") as shop:
        event = env.ctl_ok("-o", "json", "log", "-p", shop.pid, reserve_line(), "order {o.id}", "--hits", "1").json_lines()[0]
        check("k8s" not in event or event["k8s"] != {"pod_uid": uid}, f"{event}")
