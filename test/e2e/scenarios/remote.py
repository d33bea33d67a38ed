# SPDX-License-Identifier: Apache-2.0
"""dlogd on the network: who may talk to it, and what those are told who may not."""
import shutil
import socket
import ssl
import subprocess

import harness
from certificates import Authority, client_flags, server_flags
from harness import check, check_equal
from registry import scenario
from scenarios_shared import reserve_line
from sink_checks import daemon_with


def remote(env, port, *args, host="127.0.0.1"):
    return env.ctl("--server", f"{host}:{port}", *args, server=False)


def refused(env, port, words, *args, host="127.0.0.1", status=1):
    result = remote(env, port, *args, "ls", host=host)
    check_equal(result.returncode, status, f"exit status: {result}")
    check(words in result.stderr and "\nhint: " in result.stderr and result.stdout == "", str(result))


@scenario("remote/TLS on both sides: whoever has a certificate works as at the socket, all others hear why not",
          needs=("bpf", "openssl"), daemon=False)
def mutual_tls(env):
    ours = Authority(env.tmp / "tls")
    other = Authority(env.tmp / "tls-other", "other")
    server, client = ours.issue("server"), ours.issue("client")
    port = harness.free_port()
    good = client_flags(ours, client)
    with daemon_with(env, "--listen", f"127.0.0.1:{port}", *server_flags(ours, server), "--node-name", "far"):
        with env.shop("--pause-us", "1000") as shop:
            result = remote(env, port, *good, "-o", "json", "log", "-p", shop.pid, reserve_line(), "order {o.id}", "--hits", "3")
            check_equal(result.returncode, 0, f"{result}")
            check_equal([event["host"] for event in result.json_lines()], ["far"] * 3, "hosts")
        check_equal(remote(env, port, *good, "ls", host="localhost").returncode, 0, "by its name")
        refused(env, port, "takes --ca, --cert and --key", status=2)
        refused(env, port, "is not accepted", *client_flags(other, client))  # an authority that dlogd's is not from
        refused(env, port, "does not accept the certificate", "--ca", ours.cert, "--cert", other.issue("stranger")[0],
                "--key", other.directory / "stranger.key")
        refused(env, port, "has expired", *client_flags(ours, ours.issue("old", days=-1)))
        refused(env, port, "is not the key of the certificate", "--ca", ours.cert, "--cert", client[0], "--key", server[1])
        refused(env, port, "is not accepted: hostname mismatch", *good, "--tls-name", "elsewhere.example")
        refused(env, port, "cannot read", *good[:-1], env.tmp / "no-such-file")
        refused(env, harness.free_port(), "cannot connect to dlogd", *good)
        # A client that shows no certificate at all is not let in by anything else than dlogctl either.
        context = ssl.create_default_context(cafile=ours.cert)
        try:
            with socket.create_connection(("127.0.0.1", port)) as raw, context.wrap_socket(raw, server_hostname="localhost") as tls:
                tls.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
                check(tls.recv(100) == b"", "an answer without a certificate")
        except (ssl.SSLError, ConnectionError):
            pass
        # New files are taken up without a restart.
        shutil.copy(other.cert, ours.cert)
        for made, now in zip(other.issue("new-server"), server):
            shutil.copy(made, now)
        newcomer = client_flags(other, other.issue("newcomer"))
        harness.wait_until(lambda: remote(env, port, *newcomer, "ls").returncode == 0, 30, "the new certificates are used")
        refused(env, port, "certificate", *client_flags(other, client))
    # One that has expired is not served with at all.
    old = Authority(env.tmp / "tls-old")
    done = subprocess.run([env.bin / "dlogd", "--socket", env.tmp / "x.sock", "--listen", f"127.0.0.1:{port}", "--metrics", "",
                           *server_flags(old, old.issue("old", days=-1))], capture_output=True, text=True, check=False, timeout=60)
    check_equal(done.returncode, 1, f"exit status: {done.stderr}")
    check("has expired" in done.stderr and "hint:" in done.stderr, done.stderr)


@scenario("remote/no TLS only on loopback and only when asked for; the health port answers nothing else", daemon=False)
def plain(env):
    port, health = harness.free_port(), harness.free_port()
    for flags, words in ((("--listen", f"127.0.0.1:{port}"), "listen needs tls.cert"),
                         (("--listen", f"0.0.0.0:{port}", "--listen-plain"), "is open to the network")):
        done = subprocess.run([env.bin / "dlogd", "--socket", env.tmp / "y.sock", "--metrics", "", *flags], capture_output=True,
                              text=True, check=False, timeout=60)
        check_equal(done.returncode, 1, f"exit status: {done.stderr}")
        check(words in done.stderr and "hint:" in done.stderr, done.stderr)
    with daemon_with(env, "--listen", f"127.0.0.1:{port}", "--listen-plain", "--health", f"127.0.0.1:{health}"):
        check_equal(remote(env, port, "--plain", "ls").returncode, 0, "plain, on loopback")
        refused(env, port, "takes --ca, --cert and --key", status=2)
        refused(env, port, "is not on this machine", "--plain", host="192.0.2.1", status=2)
        refused(env, health, "", "--plain")  # no method of the API
        # grpc.health.v1.Health/Check by hand would need HTTP/2: that it speaks is seen by its settings frame.
        with socket.create_connection(("127.0.0.1", health), timeout=10) as client:
            client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
            check(client.recv(9)[3:4] == b"\x04", "no HTTP/2 at the health port")
