# SPDX-License-Identifier: Apache-2.0
"""Sinks that talk to another program: rsyslog, systemd-journald, an OpenTelemetry receiver. All of them real or, for OTLP, a
receiver that decodes the wire format by itself."""
import contextlib
import gzip
import http.server
import json
import os
import pathlib
import subprocess
import threading
import time

import harness
from certificates import Authority
from harness import check, check_equal
from registry import scenario
from scenarios_shared import reserve_line
from sink_checks import ORDERS, daemon_with, log_orders, wait_for_account

RSYSLOG = """
global(workDirectory="{directory}" maxMessageSize="16k")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{socket}" UseSpecialParser="off" RateLimit.Interval="0")
{more}
template(name="whole" type="list") {{ property(name="jsonmesg") constant(value="\\n") }}
action(type="omfile" File="{output}" Template="whole")
"""


RSYSLOG_TCP = """
module(load="imtcp")
input(type="imtcp" Port="{port}" Address="127.0.0.1")
"""


@contextlib.contextmanager
def rsyslog(env, port, more=RSYSLOG_TCP):
    """A real rsyslogd, with `more` configuration; yields (socket path, output file of one JSON object per message)."""
    directory = env.tmp / f"rsyslog-{time.monotonic_ns()}"
    directory.mkdir()
    socket, output, config = directory / "log", directory / "messages", directory / "rsyslog.conf"
    config.write_text(RSYSLOG.format(directory=directory, socket=socket, output=output, more=more.format(port=port)))
    with open(directory / "err", "w", encoding="utf-8") as err:
        with env.running(["/usr/sbin/rsyslogd", "-n", "-f", config, "-i", directory / "pid"], stderr=err) as child:
            harness.wait_until(lambda: socket.exists() or child.poll() is not None, 20, "rsyslogd listens")
            check(child.poll() is None, f"rsyslogd: {(directory / 'err').read_text()}")
            yield socket, output


def check_messages(output, count):
    harness.wait_until(lambda: output.exists() and len(output.read_text().splitlines()) >= count, 30, f"{count} messages")
    messages = harness.parse_json_lines(output.read_text())
    check_equal(sorted(int(each["msg"].split()[1]) for each in messages), list(range(1, count + 1)), "orders in the messages")
    first = messages[0]
    check_equal((first["programname"], first["syslogseverity"], first["syslogfacility"], first["procid"].isdigit(), first["msgid"][:3]),
                ("shop", "4", "19", True, "lp-"), "header of a message")
    check('tag="two words"' in first["structured-data"] and 'file="' in first["structured-data"], f"{first}")


@scenario("sinks/syslog over a unix socket and over TCP: rsyslog has every event once", needs=("bpf", "rsyslogd"),
          daemon=False)
def syslog(env):
    port = harness.free_port()
    for address in ("unix", "tcp"):
        with rsyslog(env, port) as (socket, output):
            target = f"unix:{socket}" if address == "unix" else f"tcp:127.0.0.1:{port}"
            with daemon_with(env, "--sink", f"syslog:{target},facility=local3,queue=100000"):
                log_orders(env, more=("--level", "warn", "--tag", "two words"))
                check_equal(wait_for_account(env, "syslog", ORDERS), (ORDERS, {}), "the sink's account")
            check_messages(output, ORDERS)


@scenario("sinks/syslog over TCP waits for an rsyslog that comes later", needs=("bpf", "rsyslogd"), daemon=False)
def syslog_later(env):
    port = harness.free_port()
    with daemon_with(env, "--sink", f"syslog:tcp:127.0.0.1:{port},facility=local3,queue=100000"):
        log_orders(env, more=("--level", "warn", "--tag", "two words"))
        with rsyslog(env, port) as (_, output):
            check_equal(wait_for_account(env, "syslog", ORDERS), (ORDERS, {}), "the sink's account")
            check_messages(output, ORDERS)


RSYSLOG_TLS = """
global(DefaultNetstreamDriver="ossl" DefaultNetstreamDriverCAFile="{ca}" DefaultNetstreamDriverCertFile="{cert}"
       DefaultNetstreamDriverKeyFile="{key}")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/certvalid")
input(type="imtcp" Port="{port}" Address="127.0.0.1")
"""


@scenario("sinks/syslog over TLS: rsyslog that wants a certificate has every event once, a wrong authority is told",
          needs=("bpf", "rsyslogd", "openssl"), daemon=False)
def syslog_tls(env):
    if not list(pathlib.Path("/usr/lib").glob("*/rsyslog/lmnsd_ossl.so")):
        raise harness.Skip("rsyslog has no TLS driver: rsyslog-openssl is not installed")
    authority = Authority(env.tmp / "syslog-tls")
    server, client = authority.issue("server"), authority.issue("client")
    port = harness.free_port()
    config = RSYSLOG_TLS.format(ca=authority.cert, cert=server[0], key=server[1], port=port)
    target = f"syslog:tls:127.0.0.1:{port},facility=local3,queue=100000,cert={client[0]},key={client[1]}"
    with rsyslog(env, port, config) as (_, output):
        with daemon_with(env, "--sink", f"{target},ca={authority.cert}"):
            log_orders(env, more=("--level", "warn", "--tag", "two words"))
            check_equal(wait_for_account(env, "syslog", ORDERS), (ORDERS, {}), "the sink's account")
        check_messages(output, ORDERS)
        with daemon_with(env, "--sink", f"{target},ca={Authority(env.tmp / 'syslog-other').cert}"):
            log_orders(env, orders=10, pause_us=20000)
            harness.wait_until(lambda: "no TLS connection to syslog" in env.daemon_log.read_text(), 20, "why nothing goes out is told")
        check_equal(len(output.read_text().splitlines()), ORDERS, "messages of a client that does not trust this peer")


JOURNALD = "/lib/systemd/systemd-journald"


@contextlib.contextmanager
def journald(env):
    """A real systemd-journald in a mount namespace with a /run of its own; yields its pid."""
    config = env.tmp / "journald.conf"
    config.write_text("[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\nForwardToSyslog=no\nReadKMsg=no\nAudit=no\n")
    machine = env.tmp / "machine-id"
    machine.write_text("0123456789abcdef0123456789abcdef\n")
    script = (f"mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal /run/log/journal && "
              f"mount --bind {config} /etc/systemd/journald.conf && mount --bind {machine} /etc/machine-id && exec {JOURNALD}")
    with env.running(["unshare", "--mount", "--propagation", "private", "sh", "-c", script], stdout=subprocess.DEVNULL,
                     stderr=subprocess.DEVNULL) as child:
        socket = pathlib.Path(f"/proc/{child.pid}/root/run/systemd/journal/socket")
        ready = lambda: os.readlink(f"/proc/{child.pid}/exe").endswith("journald") and socket.exists()
        harness.wait_until(lambda: child.poll() is not None or ready(), 20, "journald listens")
        if child.poll() is not None:
            raise harness.Skip(f"systemd-journald does not start here: exit status {child.returncode}")
        yield child.pid


@scenario("sinks/journald has every event once, with its fields, large ones included", needs=("bpf", "unshare", "journalctl"),
          daemon=False)
def journal(env):
    if not pathlib.Path(JOURNALD).exists():
        raise harness.Skip("no systemd-journald")
    with journald(env) as pid:
        address = f"unix:/proc/{pid}/root/run/systemd/journal/socket"
        padding = "x" * 3500  # a datagram that is larger than the socket's buffer goes as a file
        with daemon_with(env, "--sink", f"journald:{address},queue=100000"):
            log_orders(env, orders=1000, pause_us=1000, text="order {o.id} " + padding, more=("--level", "error", "--tag", "two words"))
            check_equal(wait_for_account(env, "journald", 1000), (1000, {}), "the sink's account")

        def entries():
            done = subprocess.run(["nsenter", "-t", str(pid), "-m", "journalctl", "-o", "json", "--no-pager", "-q",
                                   "SYSLOG_IDENTIFIER=shop"], capture_output=True, text=True, check=False)
            found = harness.parse_json_lines(done.stdout, done.stderr)
            return len(found) >= 1000 and found

        found = harness.wait_until(entries, 30, "1000 entries", poll_s=0.5)
    check_equal(sorted(int(each["MESSAGE"].split()[1]) for each in found), list(range(1, 1001)), "orders in the journal")
    first = found[0]
    check_equal((first["PRIORITY"], first["DLOG_TAG"], first["_COMM"], pathlib.Path(first["CODE_FILE"]).name),
                ("3", "two words", "dlogd", "order.cc"), "fields of an entry")


def fields(data):
    """[(number, value)] of one protobuf message: the wire format, nothing else."""
    found, at = [], 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            found.append((key >> 3, varint()))
        elif key & 7 in (1, 5):
            size = 8 if key & 7 == 1 else 4
            found.append((key >> 3, int.from_bytes(data[at:at + size], "little")))
            at += size
        else:
            size = varint()
            found.append((key >> 3, data[at:at + size]))
            at += size
    return found


def sub(data, *path):
    """Every value at a path of field numbers."""
    values = [data]
    for number in path:
        values = [value for each in values for found, value in fields(each) if found == number]
    return values


class OtlpReceiver(http.server.BaseHTTPRequestHandler):
    """Answers /v1/logs with what `plan` says, one entry per request; then takes everything."""
    plan, requests, bodies = [], [], []

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        cls = type(self)
        cls.requests.append((self.path, self.headers["Content-Type"], self.headers["Content-Encoding"], self.headers["X-Tenant"]))
        status, answer = cls.plan.pop(0) if cls.plan else (200, b"")
        if status == 200:
            data = gzip.decompress(raw) if self.headers["Content-Encoding"] == "gzip" else raw
            cls.bodies.extend(body.decode() for body in sub(data, 1, 2, 2, 5, 1))
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        if status == 503:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def otlp_receiver(port):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), OtlpReceiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@scenario("sinks/otlp over HTTP: waits for the receiver, retries, counts what is refused, compresses", daemon=False)
def otlp(env):
    port = harness.free_port()
    config = env.tmp / "otlp.yaml"
    config.write_text(f"sinks:\n- kind: otlp\n  address: http://127.0.0.1:{port}\n  queue: 100000\n  batch: 100\n"
                      "  headers: ['X-Tenant: t1']\n")
    # One batch is asked to come again, one loses a record, one is refused.
    OtlpReceiver.plan = [(503, b""), (200, bytes([0x0A, 0x02, 0x08, 0x01])), (400, b"")]
    with daemon_with(env, "--config", config):
        counters = log_orders(env)  # nobody listens yet
        check_equal(counters["emitted"], ORDERS, "events")
        with otlp_receiver(port):
            delivered, dropped = wait_for_account(env, "otlp", ORDERS)
    check(set(dropped) == {"rejected"} and 1 < dropped["rejected"] <= 101, f"dropped: {dropped}")
    check_equal(delivered + dropped["rejected"], ORDERS, "the sink's account")
    check_equal(set(OtlpReceiver.requests), {("/v1/logs", "application/x-protobuf", "gzip", "t1")}, "requests")
    ids = [int(body.split()[1]) for body in OtlpReceiver.bodies]
    check_equal(len(set(ids)), len(ids), "each order once")
    check_equal(len(ids), delivered + 1, "bodies, with the one that the receiver said to have left out")


AWAY_S = float(os.environ.get("DLOG_FAULT_AWAY_S", "3"))  # 300 in the long form


@scenario("sinks/otlp: the receiver goes away in the middle and comes back: every event arrives, what finds no room is counted",
          daemon=False)
def otlp_away(env):
    port = harness.free_port()
    OtlpReceiver.plan, OtlpReceiver.bodies = [], []
    with daemon_with(env, "--sink", f"otlp:http://127.0.0.1:{port},queue=2000"), env.shop("--pause-us", "4000") as shop:
        logpoint = env.add_detached("-p", shop.pid, reserve_line(), "order {o.id}", "--rate", "0")
        with otlp_receiver(port):
            harness.wait_until(lambda: len(OtlpReceiver.bodies) > 100, 30, "events at the receiver")
        time.sleep(AWAY_S)
        seen, emitted = len(OtlpReceiver.bodies), env.counters(logpoint)["emitted"]
        check(emitted > seen, "nothing has happened while the receiver was away")
        with otlp_receiver(port):
            harness.wait_until(lambda: len(OtlpReceiver.bodies) > seen + 100, 60, "events at the receiver that is back")
            emitted = env.counters_of(env.ctl_json("rm", logpoint))["emitted"]
            delivered, dropped = wait_for_account(env, "otlp", emitted)
        check(set(dropped) <= {"queue_full"}, f"dropped: {dropped}")
        check_equal(delivered + sum(dropped.values()), emitted, "the sink's account")
        ids = [int(body.split()[1]) for body in OtlpReceiver.bodies]
        # A batch under way when the receiver left may have been taken without an answer, and comes again.
        check_equal(len(set(ids)), delivered, "orders at the receiver")
        print(f"     away for {AWAY_S:g} s: {emitted} emitted = {delivered} delivered + {sum(dropped.values())} lost; "
              f"{len(ids) - len(set(ids))} came twice", flush=True)
        check(len(ids) - len(set(ids)) <= 512, f"{len(ids) - len(set(ids))} orders came twice")
        check(harness.is_running(shop.pid), "shop is gone")
