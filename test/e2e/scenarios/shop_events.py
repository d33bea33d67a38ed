# SPDX-License-Identifier: Apache-2.0
"""Typed values, the JSON contract, and the commands around a logpoint, on shop."""
import json
import re
import time

import contract
import fixtures
import harness
from harness import check, check_equal
from registry import scenario
from scenarios_shared import reserve_line

ORDER_CC = "test/programs/shop/order.cc"
PRICES = {"tea-250g": 549, "coffee-1kg": 1890, "mug-blue": 1250, "kettle-steel": 4995, "filter-paper": 299, "biscuits": 375}


def by_expr(event):
    return {value["expr"]: value for value in event["values"]}


def fields_of(value):
    return {field["name"]: field for field in value["fields"]}


@scenario("shop/json events follow the contract and add up")
def json_events(env):
    template = "order {o.id} {o.customer} {o.items} {o.status} {o.express} {o.weight_kg} {o.coupon} {o.warehouse} {o.note} {total}"
    with env.shop() as shop:
        result = env.ctl_ok("-o", "json", "log", "-p", shop.pid, reserve_line(), template, "--hits", "40")
        events = result.json_lines()
        check_equal(len(events), 40, "events")
        for event in events:
            contract.check_event(event)
            check_equal(event["pid"], shop.pid, "pid")
            check_equal(event["comm"], "shop", "comm")
            check_equal(event["exe"], str(env.bin / "shop"), "exe")
            check(event["file"].endswith("/order.cc"), event["file"])
            check("shop::handle_order(" in event["function"], event["function"])
            _check_order(by_expr(event))
        check(len({event["tid"] for event in events}) > 1, "all events come from one thread")
        check_equal(len({by_expr(event)["o.id"]["value"] for event in events}), 40, "different order ids")
        coupons = [by_expr(event)["o.coupon"]["text"] for event in events]
        check("nullopt" in coupons and any("WELCOME10" in coupon for coupon in coupons), f"coupons: {set(coupons)}")


def _check_order(values):
    """The total is computed by shop from the items: it must agree with the items as dlog shows them."""
    for value in values.values():
        check_equal(value["status"], "ok", f"status of {value['expr']} ({value.get('reason')})")
    total = 0
    for item in values["o.items"]["items"]:
        fields = fields_of(item)
        check_equal(fields["price_cents"]["value"], PRICES[fields["sku"]["value"]], f"price of {fields['sku']['value']}")
        total += fields["count"]["value"] * fields["price_cents"]["value"]
    if values["o.coupon"]["text"] != "nullopt":
        total -= total // 10
    check_equal(values["total"]["value"], total, "total")
    check_equal(values["o.items"]["size"], len(values["o.items"]["items"]), "size of items")
    check_equal(values["o.status"]["text"], "NEW", "status")
    check_equal(values["o.express"]["value"] in (True, False), True, "express is a bool")
    check(values["o.weight_kg"]["value"] > 0, "weight")
    check(re.search(r'"(Leipzig|Lyon)"', values["o.warehouse"]["text"]), values["o.warehouse"]["text"])
    check(values["o.note"]["text"] == "nullptr" or "please ring twice" in values["o.note"]["text"], values["o.note"]["text"])


@scenario("shop/text lines carry the same values as JSON")
def text_and_json(env):
    with env.shop() as shop:
        events = env.ctl_ok("-o", "json", "log", "-p", shop.pid, reserve_line(), "{o.id}|{o.customer}|{total}",
                            "--hits", "5").json_lines()
        for event in events:
            values = by_expr(event)
            check_equal(event["message"], "|".join(values[expr]["text"] for expr in ("o.id", "o.customer", "total")), "message")


@scenario("shop/condition is exact")
def condition(env):
    with env.shop() as shop:
        logpoint = env.add_detached("-p", shop.pid, reserve_line(), "{total} {o.express} {o.id}", "--if",
                                    "total > 5000 && o.express && o.id % 2 == 1", "--rate", "0")
        with env.following("-o", "json", "tail", logpoint) as tail:
            events = harness.parse_json_lines("\n".join(tail.wait_for_lines(15)))
        for event in events:
            values = by_expr(event)
            check(values["total"]["value"] > 5000 and values["o.express"]["value"] is True and values["o.id"]["value"] % 2 == 1,
                  f"does not satisfy the condition: {event['message']}")
        counters = env.counters(logpoint)
        check(counters["filtered"] > counters["emitted"] > 0, f"filtered: {counters}")
        check_equal(counters["dropped"].get("condition_error", 0), 0, "condition errors")
        env.ctl_ok("rm", logpoint)


@scenario("shop/detach, tail, ls, describe, rm")
def manage(env):
    with env.shop() as shop:
        logpoint = env.add_detached("-p", shop.pid, reserve_line(), "order {o.id}")
        listed = [entry for entry in env.logpoints() if logpoint in json.dumps(entry)]
        check_equal(len(listed), 1, "ls lists it once")
        check(logpoint in env.ctl_ok("ls").stdout, "ls as text")
        with env.following("tail", logpoint) as tail:
            for line in tail.wait_for_lines(5):
                check(re.search(r"order \d+$", line), line)
        with env.following("tail") as tail:
            tail.wait_for_lines(2)
        described = env.ctl_ok("describe", logpoint).stdout
        for word in (logpoint, "hits", "order.cc"):
            check(word in described, f"describe lacks {word}: {described}")
        env.ctl_ok("rm", logpoint)
        check(all(harness.find_key(entry, "state") not in (None, "active") for entry in env.logpoints()), "rm removes it")


@scenario("shop/Ctrl-C ends log and its logpoint")
def interrupt(env):
    with env.shop() as shop:
        with env.following("log", "-p", shop.pid, reserve_line(), "order {o.id}") as log:
            log.wait_for_lines(3)
        harness.wait_until(lambda: not _active(env), 5, "the logpoint is gone")


def _active(env):
    return [entry for entry in env.logpoints() if harness.find_key(entry, "state") in (None, "active")]


@scenario("shop/killed dlogctl takes its logpoint with it")
def killed_client(env):
    with env.shop() as shop:
        with env.following("log", "-p", shop.pid, reserve_line(), "order {o.id}") as log:
            log.wait_for_lines(3)
            log.child.kill()
            log.child.wait()
            harness.wait_until(lambda: not _active(env), 10, "the logpoint of the killed client is gone")


@scenario("shop/time to live ends a logpoint")
def time_to_live(env):
    with env.shop() as shop:
        started = time.monotonic()
        env.ctl_ok("log", "-p", shop.pid, reserve_line(), "order {o.id}", "--ttl", "2s", timeout_s=20)
        check(1.5 < time.monotonic() - started < 10, f"ended after {time.monotonic() - started:.1f} s, want 2 s")


@scenario("shop/rate limit holds and counts what it held back")
def rate_limit(env):
    with env.shop("--pause-us", "1000") as shop:
        logpoint = env.add_detached("-p", shop.pid, reserve_line(), "order {o.id}", "--rate", "20/s")
        time.sleep(3)
        counters = env.counters(logpoint)
        env.ctl_ok("rm", logpoint)
        check(20 <= counters["emitted"] <= 20 * 5, f"emitted in about 3 s at 20/s: {counters}")
        check(counters["rate_limited"] > counters["emitted"], f"rate limited: {counters}")


@scenario("shop/two logpoints at once, on one line and on two")
def two_logpoints(env):
    book = f"order.cc:{harness.source_line(ORDER_CC, 'ledger.Book(')}"
    with env.shop() as shop:
        ids = [env.add_detached("-p", shop.pid, reserve_line(), "first {o.id}"),
               env.add_detached("-p", shop.pid, reserve_line(), "second {total}"),
               env.add_detached("-p", shop.pid, book, "third {o.customer}")]
        check_equal(len(set(ids)), 3, "three ids")
        for logpoint, word in zip(ids, ("first", "second", "third")):
            with env.following("tail", logpoint) as tail:
                for line in tail.wait_for_lines(5):
                    check(word in line, f"{logpoint} printed {line!r}")
        env.ctl_ok("rm", ids[1])
        for logpoint in (ids[0], ids[2]):
            with env.following("tail", logpoint) as tail:
                tail.wait_for_lines(3)
        env.ctl_ok("rm", "--all")


@scenario("shop/explain, vars and lines follow the contract", needs=(), daemon=False)
def explain(env):
    book = harness.source_line(ORDER_CC, "ledger.Book(")
    target = ("--binary", env.bin / "shop")
    document = env.ctl_json("explain", *target, reserve_line(), "{o.id} {total}")
    contract.check_explain(document)
    check_equal(f"order.cc:{document['line']}", reserve_line(), "line")
    for site in document["sites"]:
        check_equal([variable["expr"] for variable in site["variables"]], ["o.id", "total"], "variables")
        check_equal([variable["status"] for variable in site["variables"]], ["ok", "ok"], "statuses")
    check(document["sites"], "no site")
    gone = env.ctl_json("explain", *target, f"order.cc:{book + 1}", "{reserved} {o.id}")
    contract.check_explain(gone)
    statuses = {variable["expr"]: variable["status"] for variable in gone["sites"][0]["variables"]}
    check_equal(statuses, {"reserved": "optimized_out", "o.id": "ok"}, "explain says it without refusing")
    names = env.ctl_json("vars", *target, reserve_line())
    contract.check_explain(names)
    shown = {variable["expr"] for site in names["sites"] for variable in site["variables"]}
    check({"o", "inventory", "ledger", "total"} <= shown, f"vars: {shown}")
    lines = env.ctl_json("lines", *target, "order.cc")
    contract.check_lines(lines)
    numbers = {entry["line"] for entry in lines["lines"]}
    check(int(reserve_line().split(":")[1]) in numbers and 1 not in numbers, f"lines: {numbers}")


@scenario("shop/explain of a running process attaches nothing")
def explain_running(env):
    with env.shop() as shop:
        before = env.kernel.links()
        contract.check_explain(env.ctl_json("explain", "-p", shop.pid, reserve_line(), "{o.id}"))
        contract.check_explain(env.ctl_json("vars", "-p", shop.pid, reserve_line()))
        contract.check_lines(env.ctl_json("lines", "-p", shop.pid, "order.cc"))
        check_equal(env.new_links(before), {}, "new links")


@scenario("shop/resolve here, attach a stripped copy there")
def plan_from_elsewhere(env):
    """The target has no debug information at all; the plan was made from the binary that has."""
    plan = env.tmp / "plan"
    with open(plan, "wb") as output:
        result = env.ctl("resolve", "--binary", env.bin / "shop", reserve_line(), "order {o.id} {o.customer} {total}",
                         stdout=output)
    check_equal(result.returncode, 0, str(result))
    check(plan.stat().st_size > 100, "an empty plan")
    stripped = fixtures.fixture(env, "stripped")
    with env.shop(program=stripped) as shop:
        lines = env.ctl_ok("log", "--plan", plan, "-p", shop.pid, "--hits", "5").stdout.splitlines()
        check_equal(len(lines), 5, "lines")
        for line in lines:
            check(re.search(r"order \d+ [A-Z]\w+ [A-Z]\w+ \d+$", line), line)


@scenario("shop/plan of another build is refused")
def plan_of_another_build(env):
    plan = env.tmp / "plan-other"
    with open(plan, "wb") as output:
        env.ctl("resolve", "--binary", fixtures.fixture(env, "other_build"), reserve_line(), "order {o.id}", stdout=output)
    with env.shop() as shop:
        result = env.ctl("log", "--plan", plan, "-p", shop.pid, "--hits", "1", timeout_s=20)
        check_equal(result.returncode, 1, str(result))
        check("build-id" in result.stderr and "hint: " in result.stderr, str(result))


@scenario("shop/damaged plan is refused")
def damaged_plan(env):
    plan = env.tmp / "plan-damaged"
    with open(plan, "wb") as output:
        env.ctl("resolve", "--binary", env.bin / "shop", reserve_line(), "order {o.id} {o.items}", stdout=output)
    content = bytearray(plan.read_bytes())
    with env.shop() as shop:
        for cut in (len(content) // 2, len(content) - 3, 1):
            plan.write_bytes(content[:cut])
            result = env.ctl("log", "--plan", plan, "-p", shop.pid, "--hits", "1", timeout_s=20)
            check_equal(result.returncode, 1, str(result))
            check("hint: " in result.stderr, str(result))
        check(harness.is_running(shop.pid), "shop is gone")
