# SPDX-License-Identifier: Apache-2.0
"""What cases and scenarios stand on: processes that are ended by pid, one dlogd, dlogctl calls, and what the kernel holds.

Nothing here decides what is right; a failed expectation is a `Failure`, something that this machine lacks is a `Skip`.
"""
import contextlib
import ctypes
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = REPOSITORY / "test" / "e2e" / "programs"
COMMAND_TIMEOUT_S = 60.0
# dlogd runs its canaries before it is ready.
DAEMON_START_TIMEOUT_S = 30.0
# The kernel frees links and programs after a grace period.
KERNEL_SETTLE_S = 5.0


class Failure(AssertionError):
    """An expectation that does not hold."""


class Skip(Exception):
    """Something that this machine lacks."""


def check(condition, message):
    if not condition:
        raise Failure(message)


def check_equal(actual, expected, what):
    check(actual == expected, f"{what}: got {actual!r}, want {expected!r}")


def wait_until(predicate, timeout_s, what, poll_s=0.05):
    """Returns predicate()'s first true value."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"not within {timeout_s:g} s: {what}")
        time.sleep(poll_s)


def source_line(file, text):
    """Number of the only line of `file` (relative to the repository) that contains `text`."""
    lines = (REPOSITORY / file).read_text().splitlines()
    found = [number for number, line in enumerate(lines, 1) if text in line]
    check(len(found) == 1, f"{file}: {text!r} is on {len(found)} lines")
    return found[0]


@dataclasses.dataclass
class Result:
    args: list
    returncode: int
    stdout: str
    stderr: str
    seconds: float

    def __str__(self):
        return f"dlogctl {' '.join(self.args)}\n  exit {self.returncode}\n  stdout: {self.stdout[-3000:]}\n  stderr: {self.stderr[-3000:]}"

    def json_lines(self):
        return parse_json_lines(self.stdout, str(self))


def parse_json_lines(text, context=""):
    objects = []
    for line in text.splitlines():
        try:
            objects.append(json.loads(line))
        except ValueError as error:
            raise Failure(f"not JSON ({error}): {line!r}\n{context}") from error
    return objects


def process_state(pid):
    """The state letter of /proc/PID/stat, None when there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_running(pid):
    return process_state(pid) not in (None, "Z", "X")


def children_of(pid):
    found = set()
    with contextlib.suppress(OSError):
        for task in os.scandir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                found |= {int(child) for child in pathlib.Path(task.path, "children").read_text().split()}
    return found


def descendants_of(pid):
    found, todo = set(), [pid]
    while todo:
        new = children_of(todo.pop()) - found
        found |= new
        todo += new
    return found


def become_subreaper():
    """Orphans of our children become our children, so that what is left running is seen and told from everybody else's."""
    PR_SET_CHILD_SUBREAPER = 36
    check(ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0, "prctl")


class Kernel:
    """The BPF objects that exist, as bpftool sees them."""

    def __init__(self):
        self.bpftool = shutil.which("bpftool", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

    def _ids(self, kind):
        done = subprocess.run([self.bpftool, "-j", kind, "list"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Skip(f"bpftool {kind} list: {(done.stdout + done.stderr).strip()}")
        return {entry["id"]: entry for entry in json.loads(done.stdout or "[]")}

    def links(self):
        return self._ids("link")

    def programs(self):
        return self._ids("prog")

    @staticmethod
    def owned(kind, pid):
        """Ids of the "link" or "prog" objects that the process holds descriptors of."""
        found = set()
        with contextlib.suppress(OSError):
            for entry in os.scandir(f"/proc/{pid}/fdinfo"):
                with contextlib.suppress(OSError):
                    match = re.search(rf"^{kind}_id:\s*(\d+)$", pathlib.Path(entry.path).read_text(), re.MULTILINE)
                    if match:
                        found.add(int(match[1]))
        return found


class Environment:
    """One run of the suite: the binaries under test, a scratch directory, and everything that was started."""

    def __init__(self, bin_dir, require_bpf):
        self.bin = pathlib.Path(bin_dir).resolve()
        self.require_bpf = require_bpf
        self.tmp = pathlib.Path(tempfile.mkdtemp(prefix="dlog-e2e."))
        self.tmp.chmod(0o755)  # the unprivileged cases read from here
        self.kernel = Kernel()
        self.fixtures = {}
        self.metrics_port = 0
        self._children = {}  # pid -> Popen
        self._daemon = None
        self._daemon_count = 0

    # -- processes

    def spawn(self, argv, **options):
        """Starts a child that the suite ends in any case. Text mode; output to where `options` say."""
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("text", True)
        child = subprocess.Popen([str(word) for word in argv], **options)
        self._children[child.pid] = child
        return child

    def end(self, child, sig=signal.SIGTERM, timeout_s=10.0):
        """Ends a child and returns its exit status; SIGKILL when it does not listen."""
        if child.poll() is None:
            child.send_signal(sig)
            try:
                child.wait(timeout_s)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        for stream in (child.stdout, child.stderr):
            if stream is not None:
                stream.close()
        self._children.pop(child.pid, None)
        return child.returncode

    @contextlib.contextmanager
    def running(self, argv, **options):
        child = self.spawn(argv, **options)
        try:
            yield child
        finally:
            self.end(child)

    @contextlib.contextmanager
    def shop(self, *args, program=None):
        """A running shop; yields its Popen."""
        with self.running([program or self.bin / "shop", *args], stdout=subprocess.PIPE) as child:
            time.sleep(0.05)
            check(child.poll() is None, "shop ended at once")
            yield child

    def close(self):
        self.stop_daemon()
        for child in list(self._children.values()):
            self.end(child, signal.SIGKILL)
        shutil.rmtree(self.tmp, ignore_errors=True)

    def strays(self):
        """Running processes that a child of the suite has left behind: orphans come to the suite, see become_subreaper()."""
        found = {}
        for pid in children_of(os.getpid()):
            if pid not in self._children:
                if is_running(pid):
                    with contextlib.suppress(OSError):
                        found[pid] = os.readlink(f"/proc/{pid}/exe")
                else:
                    with contextlib.suppress(ChildProcessError):
                        os.waitpid(pid, os.WNOHANG)
        return found

    def new_links(self, before):
        """Links that were not there before, but for those that processes outside of this suite hold, and those by which the
        suite's dlogd is told of processes, as long as it lives."""
        watching = self.kernel.owned("link", self._daemon.pid) if self._daemon is not None else set()
        new = {id_: link for id_, link in self.kernel.links().items()
               if id_ not in before and not (link["type"] == "raw_tracepoint" and id_ in watching)}
        if new:
            family = descendants_of(os.getpid())
            for entry in os.scandir("/proc"):
                if entry.name.isdigit() and int(entry.name) not in family:
                    for id_ in self.kernel.owned("link", entry.name):
                        new.pop(id_, None)
        return new

    # -- dlogd

    @property
    def socket_path(self):
        return self.tmp / f"dlogd-{self._daemon_count}.sock"

    @property
    def daemon_log(self):
        return self.tmp / f"dlogd-{self._daemon_count}.log"

    @property
    def daemon_process(self):
        return self._daemon

    def start_daemon(self, *args, prefix=(), wait=True):
        """Starts dlogd on a socket of its own. One at a time."""
        check(self._daemon is None, "a dlogd is still running")
        self._daemon_count += 1
        self.metrics_port = free_port()
        argv = [*prefix, self.bin / "dlogd", "--socket", self.socket_path, "--metrics", f"127.0.0.1:{self.metrics_port}",
                "--cache-dir", self.tmp / "cache", *args]
        if "--state-dir" not in args:
            argv += ["--state-dir", self.tmp / f"state-{self._daemon_count}"]
        with open(self.daemon_log, "w", encoding="utf-8") as log:
            self._daemon = self.spawn(argv, stdout=log, stderr=subprocess.STDOUT)
        if wait:
            wait_until(self._daemon_accepts, DAEMON_START_TIMEOUT_S, "dlogd accepts connections")
        return self._daemon

    def _daemon_accepts(self):
        if self._daemon.poll() is not None:
            raise Failure(f"dlogd ended with {self._daemon.returncode}: {self.daemon_log.read_text()[-2000:]}")
        with socket.socket(socket.AF_UNIX) as client:
            with contextlib.suppress(OSError):
                client.connect(str(self.socket_path))
                return True
        return False

    def ensure_daemon(self):
        if self._daemon is not None and self._daemon.poll() is not None:
            log = self.daemon_log.read_text()[-2000:]
            self.forget_daemon()
            raise Failure(f"dlogd has ended by itself: {log}")
        if self._daemon is None:
            self.start_daemon()

    def stop_daemon(self, sig=signal.SIGTERM):
        """Returns dlogd's exit status, None when none ran."""
        if self._daemon is None:
            return None
        status = self.end(self._daemon, sig)
        self._daemon = None
        return status

    def forget_daemon(self):
        """After the daemon was killed by the scenario itself."""
        self.end(self._daemon)
        self._daemon = None

    def metrics(self):
        """{(name, frozenset(labels)): value} of /metrics."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        samples = {}
        for line in text.splitlines():
            match = re.fullmatch(r'(\w+)(?:\{(.*)\})? (\S+)(?: \d+)?', line)
            if match and not line.startswith("#"):
                labels = frozenset(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
                samples[match[1], labels] = float(match[3])
        return samples

    # -- dlogctl

    def ctl_argv(self, *args, server=True):
        words = [str(self.bin / "dlogctl")]
        if server:
            words += ["--server", f"unix://{self.socket_path}"]
        return words + [str(arg) for arg in args]

    def ctl(self, *args, server=True, timeout_s=COMMAND_TIMEOUT_S, prefix=(), stdout=None):
        """Runs dlogctl to its end. `server=False`: no daemon named, so the embedded engine. `stdout`: an open binary file."""
        started = time.monotonic()
        argv = [*prefix, *self.ctl_argv(*args, server=server)]
        child = self.spawn(argv, stdout=stdout or subprocess.PIPE, stderr=subprocess.PIPE, text=False)
        try:
            out, err = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(5)
            child.kill()
            out, err = child.communicate()
            self._children.pop(child.pid, None)
            raise Failure(f"still running after {timeout_s:g} s: " + " ".join(map(str, args)) +
                          f"\n  stdout: {(out or b'')[-1500:]!r}\n  stderr: {err[-1500:]!r}") from None
        self._children.pop(child.pid, None)
        return Result([str(arg) for arg in args], child.returncode, (out or b"").decode(errors="replace"),
                      err.decode(errors="replace"), time.monotonic() - started)

    def ctl_ok(self, *args, **options):
        result = self.ctl(*args, **options)
        check(result.returncode == 0, f"expected success: {result}")
        return result

    def ctl_json(self, *args, **options):
        """The one JSON document that `dlogctl -o json ARGS` prints."""
        result = self.ctl_ok("-o", "json", *args, **options)
        try:
            return json.loads(result.stdout)
        except ValueError as error:
            raise Failure(f"not one JSON document ({error}): {result}") from error

    def add_detached(self, *args):
        """`log ... --detach`; returns the id."""
        result = self.ctl_ok("log", *args, "--detach")
        match = re.search(r"\blp-\d+\b", result.stdout + result.stderr)
        check(match, f"no id: {result}")
        return match[0]

    def logpoints(self):
        """What `ls -o json` lists: a list of logpoint objects."""
        answer = self.ctl_ok("-o", "json", "ls").stdout.strip()
        if not answer:
            return []
        try:
            document = json.loads(answer)
        except ValueError:
            return parse_json_lines(answer)
        if isinstance(document, dict):
            document = document.get("logpoints", [document] if document else [])
        return document

    def counters(self, logpoint_id):
        """The counters of `describe -o json`, with `dropped` as {reason: count}."""
        return self.counters_of(self.ctl_json("describe", logpoint_id))

    @staticmethod
    def counters_of(document):
        """The counters in a JSON document of `describe` or `rm`."""
        found = find_key(document, "counters")
        check(isinstance(found, dict), f"no counters: {document}")
        counters = {name: 0 for name in ("hits", "emitted", "filtered", "sampled_out", "rate_limited")}
        for name in counters:
            counters[name] = int(found.get(name, 0))
        dropped = found.get("dropped", {})
        if isinstance(dropped, list):
            dropped = {entry["reason"]: int(entry["count"]) for entry in dropped}
        counters["dropped"] = {reason: int(count) for reason, count in dropped.items()}
        return counters

    @contextlib.contextmanager
    def following(self, *args, server=True, prefix=()):
        """dlogctl with its output in files, until the block ends (SIGINT, as Ctrl-C). Yields a Follower."""
        name = self.tmp / f"follow-{time.monotonic_ns()}"
        with open(f"{name}.out", "w", encoding="utf-8") as out, open(f"{name}.err", "w", encoding="utf-8") as err:
            child = self.spawn([*prefix, *self.ctl_argv(*args, server=server)], stdout=out, stderr=err)
        follower = Follower(child, pathlib.Path(f"{name}.out"), pathlib.Path(f"{name}.err"))
        try:
            yield follower
        finally:
            self.end(child, signal.SIGINT)


class Follower:
    def __init__(self, child, out, err):
        self.child = child
        self.out = out
        self.err = err

    def lines(self):
        """The complete lines so far."""
        return self.out.read_text(errors="replace").rpartition("\n")[0].splitlines()

    def wait_for_lines(self, count, timeout_s=30.0):
        def enough():
            if self.child.poll() is not None and len(self.lines()) < count:
                raise Failure(f"ended with {self.child.returncode} after {len(self.lines())} lines: {self.err.read_text()}")
            return len(self.lines()) >= count

        wait_until(enough, timeout_s, f"{count} lines")
        return self.lines()


def find_key(document, key):
    """The first value of `key` anywhere in a JSON document."""
    if isinstance(document, dict):
        if key in document:
            return document[key]
        document = list(document.values())
    if isinstance(document, list):
        for entry in document:
            found = find_key(entry, key)
            if found is not None:
                return found
    return None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accounted(counters):
    """Sum of everything that a hit can become."""
    return (counters["emitted"] + counters["filtered"] + counters["sampled_out"] + counters["rate_limited"] +
            sum(counters["dropped"].values()))
