# SPDX-License-Identifier: Apache-2.0
"""What the scenarios of sinks share: a run whose every order is an event, and a sink's own account of it."""
import contextlib
import json
import socketserver
import threading

import harness
from harness import check_equal
from scenarios_shared import reserve_line

ORDERS = 3000


def sink_counts(env, name):
    """(delivered, {reason: dropped}) of a sink, from /metrics; only reasons for which something was dropped."""
    delivered, dropped = 0, {}
    for (metric, labels), value in env.metrics().items():
        labels = dict(labels)
        if labels.get("sink") == name and metric == "dlog_sink_events_total":
            delivered = int(value)
        if labels.get("sink") == name and metric == "dlog_sink_dropped_total" and int(value) > 0:
            dropped[labels["reason"]] = int(value)
    return delivered, dropped


def log_orders(env, orders=ORDERS, pause_us=100, text="order {o.id}", more=()):
    """Every order of one whole run of shop becomes an event; returns the account."""
    logpoint = env.add_detached("-x", env.bin / "shop", reserve_line(), text, "--rate", "0", *more)
    with env.shop("--orders", str(orders), "--pause-us", str(pause_us)) as shop:
        shop.communicate(timeout=120)
    counters = harness.wait_until(
        lambda: (found := env.counters(logpoint))["hits"] >= orders and harness.accounted(found) == found["hits"] and found,
        20, "every hit is accounted for")
    env.ctl_ok("rm", logpoint)
    return counters


def wait_for_account(env, name, events):
    """Waits until the sink has delivered or dropped `events` events."""
    return harness.wait_until(
        lambda: (found := sink_counts(env, name))[0] + sum(found[1].values()) >= events and found, 60,
        f"sink {name} has accounted for {events} events")


@contextlib.contextmanager
def daemon_with(env, *args, **options):
    env.start_daemon(*args, **options)
    try:
        yield env.daemon_process
    finally:
        check_equal(env.stop_daemon(), 0, "dlogd's exit status")


def order_ids(lines):
    return [int(json.loads(line)["message"].split()[1]) for line in lines]


@contextlib.contextmanager
def discarding_peer(port):
    """A TCP server that takes whatever comes and throws it away."""
    class Reader(socketserver.BaseRequestHandler):
        def handle(self):
            with contextlib.suppress(OSError):
                while self.request.recv(1 << 16):
                    pass

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", port), Reader) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
