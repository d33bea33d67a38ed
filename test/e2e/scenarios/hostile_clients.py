# SPDX-License-Identifier: Apache-2.0
"""Clients that vanish, send rubbish or far too much: the others, the target and dlogd's memory do not notice."""
import os
import pathlib
import random
import resource

import harness
import http2
from harness import check, check_equal
from registry import scenario
from scenarios_shared import reserve_line

CLIENTS = 1000
SERVICE = "/dlog.v1.DynamicLogging/"
LARGE_MIB = 64
# What one round of clients may leave behind in dlogd: pages of its allocator, not connections.
LEFT_OVER_KIB = 24 << 10


def status_kib(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise harness.Failure(f"no {field}")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def check_life_goes_on(env, logpoint, before):
    """Events come, and the account of the end adds up."""
    harness.wait_until(lambda: env.counters(logpoint)["emitted"] > before + 50, 30, "events go on")
    counters = env.counters_of(env.ctl_json("rm", logpoint))
    check_equal(harness.accounted(counters), counters["hits"], "sum of the account")
    check_equal(counters["dropped"], {}, "losses of the logpoint")


def follow_and_vanish(env, logpoint):
    """CLIENTS streams at once, all of which get events; then none of them says goodbye."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * CLIENTS + 512), hard))
    body = b"\x0a" + bytes([len(logpoint)]) + logpoint.encode()  # StreamRequest {ids = 1}
    clients = []
    try:
        for _ in range(CLIENTS):
            clients.append(http2.connect(env.socket_path))
            clients[-1].sendall(http2.call(SERVICE + "Stream", body))
        for client in clients[:: CLIENTS // 20]:
            seen = b""
            while b"order " not in seen:
                got = client.recv(1 << 16)
                check(got, "a stream has ended")
                seen += got
    finally:
        for client in clients:
            client.close()


@scenario("faults/1,000 clients connect, follow and vanish, twice: nothing of them is left", daemon=False)
def vanishing(env):
    daemon = env.start_daemon()
    with env.shop("--pause-us", "5000") as shop:
        logpoint = env.add_detached("-p", shop.pid, reserve_line(), "order {o.id}", "--rate", "0")
        at_first, threads = descriptors(daemon.pid), status_kib(daemon.pid, "Threads")
        left = []
        for _ in range(2):
            before = env.counters(logpoint)["emitted"]
            follow_and_vanish(env, logpoint)
            harness.wait_until(lambda: descriptors(daemon.pid) <= at_first + 5, 60, "the connections are closed")
            harness.wait_until(lambda: status_kib(daemon.pid, "Threads") <= threads + 10, 60, "their threads are gone")
            left.append(status_kib(daemon.pid, "VmRSS"))
            harness.wait_until(lambda before=before: env.counters(logpoint)["emitted"] > before, 30, "events go on")
        print(f"     resident after each round: {left[0] >> 10} and {left[1] >> 10} MiB", flush=True)
        check(left[1] <= left[0] + LEFT_OVER_KIB, f"resident after each round: {left} KiB")
        check_life_goes_on(env, logpoint, env.counters(logpoint)["emitted"])
        check(harness.is_running(shop.pid), "shop is gone")
    check_equal(env.stop_daemon(), 0, "dlogd's exit status")


def rubbish():
    """What clients send that are none."""
    noise = random.Random(6)
    good = http2.call(SERVICE + "List")
    yield from (noise.randbytes(size) for size in (1, 9, 24, 1000, 100000))
    yield b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    yield http2.HELLO + noise.randbytes(10000)
    yield http2.HELLO + http2.frame(http2.HEADERS, http2.END_HEADERS, 1, noise.randbytes(200))
    yield http2.HELLO + b"\xff\xff\xff" + http2.headers(SERVICE + "List")[3:]
    yield from (good[:size] for size in range(0, len(good), 7))
    for _ in range(200):
        damaged = bytearray(good)
        for _ in range(noise.randint(1, 4)):
            damaged[noise.randrange(len(http2.HELLO), len(damaged))] = noise.randrange(256)
        yield bytes(damaged)
    for method in ("Add", "Remove", "Pause", "Resume", "Describe", "Stream", "Explain", "Lines", "Builds", "Status", "Nothing"):
        yield from (http2.call(SERVICE + method, noise.randbytes(size)) for size in (1, 30, 3000))


@scenario("faults/what is no gRPC, and a request of 64 MiB, is refused in bounded memory while others are served", daemon=False)
def malformed(env):
    daemon = env.start_daemon()
    with env.shop("--pause-us", "5000") as shop:
        logpoint = env.add_detached("-p", shop.pid, reserve_line(), "order {o.id}", "--rate", "0")
        at_first = descriptors(daemon.pid)
        for sent in rubbish():
            with http2.connect(env.socket_path) as client:
                client.settimeout(0.02)
                try:
                    client.sendall(sent)
                    client.recv(1 << 16)
                except OSError:  # refused, or waiting for the rest
                    pass
        before = status_kib(daemon.pid, "VmHWM")
        for size in (LARGE_MIB // 3, LARGE_MIB, 16 * LARGE_MIB):
            large = http2.Connection(env.socket_path)
            sent = large.send(SERVICE + "Add", size << 20)
            large.close()
            # RESOURCE_EXHAUSTED, in the trailers as gRPC writes them: a literal field. Or not even read to its end.
            refused = b"grpc-status\x018" in large.answer
            check(refused or sent < size << 20, f"answer to {size} MiB: {large.answer[:300]}")
        grown = (status_kib(daemon.pid, "VmHWM") - before) >> 10
        print(f"     at most {grown} MiB more for requests of {LARGE_MIB} MiB and of {16 * LARGE_MIB} MiB", flush=True)
        check(grown < 2 * LARGE_MIB, f"dlogd has grown by {grown} MiB")
        harness.wait_until(lambda: descriptors(daemon.pid) <= at_first + 5, 60, "the connections are closed")
        check_equal([each["id"] for each in env.logpoints()], [logpoint], "logpoints")
        check_life_goes_on(env, logpoint, env.counters(logpoint)["emitted"])
        check(harness.is_running(shop.pid), "shop is gone")
    check_equal(env.stop_daemon(), 0, "dlogd's exit status")
