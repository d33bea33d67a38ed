# SPDX-License-Identifier: Apache-2.0
"""Programs that nobody here wrote or built, as the distribution ships them, with gdb as the judge."""
import pathlib

import oracle
from harness import PROGRAMS, Skip, check, check_equal, wait_until
from registry import scenario

GC_LINE = "after-call:G1CollectedHeap::humongous_obj_allocate:humongous_obj_allocate_initialize_regions"
MEGABYTE = 1024 * 1024


def _java():
    """Debian's JVM: another one may be first in PATH."""
    for version in ("17", "21"):
        for home in sorted(pathlib.Path("/usr/lib/jvm").glob(f"java-{version}-openjdk-*")):
            if (home / "lib/server/libjvm.so").exists():
                return home
    raise Skip("no JVM of the distribution is installed")


@scenario("foreign/G1 of the distribution's JVM agrees with gdb", needs=("bpf", "gdb"))
def jvm(env):
    home = _java()
    oracle.debug_file_of(home / "lib/server/libjvm.so")
    out = env.tmp / "java.out"
    with open(out, "w", encoding="utf-8") as stream, env.running(
            [home / "bin/java", "-XX:+UseG1GC", "-Xms64m", "-Xmx64m", "-XX:-UsePerfData", PROGRAMS / "Humongous.java"],
            stdout=stream, stderr=stream) as java:
        wait_until(lambda: "ready" in out.read_text() or java.poll() is not None, 30, "the Java program runs")
        check(java.poll() is None, f"java ended: {out.read_text()}")
        required = ["word_size", "this", "this->_reserved._word_size", "_hrm._allocated_heapregions_length"]
        rows = oracle.compare(env, java.pid, GC_LINE, required + [
            "obj_regions", "_expand_heap_after_alloc_failure", "_gc_cause", "_old_set._name", "this->_workers",
            "_is_gc_active", "_hrm._committed_map._num_active"], required, hits=16, distinct=4)
        # What the Java program asked for, in heap words.
        check_equal({row["word_size"] for row in rows}, {(3 + n) * MEGABYTE // 8 for n in range(4)}, "word_size")


def _python(env, suffix, needs_debug_file):
    """The distribution's own interpreter: another one may be first in PATH."""
    programs = [pathlib.Path(f"/usr/bin/python3.{minor}{suffix}") for minor in (11, 12, 13)]
    program = next((path for path in programs if path.exists()), None)
    if program is None:
        raise Skip(f"no /usr/bin/python3.N{suffix} is installed")
    if needs_debug_file:
        oracle.debug_file_of(program.resolve())
    out = env.tmp / "python.out"
    with open(out, "w", encoding="utf-8") as stream, env.running([program, PROGRAMS / "gcd.py"], stdout=stream,
                                                                stderr=stream) as python:
        wait_until(lambda: "ready" in out.read_text() or python.poll() is not None, 30, "the Python program runs")
        check(python.poll() is None, f"python ended: {out.read_text()}")
        required = ["a->ob_base.ob_size", "a->ob_digit[0]"]
        rows = oracle.compare(env, python.pid, "steps:_PyLong_GCD:2", required + [
            "a", "aarg", "barg", "size_a", "size_b", "c", "a->ob_base.ob_base.ob_type->tp_name", "aarg->ob_type->tp_basicsize",
            "b->ob_base.ob_size"], required, hits=16, distinct=4)
        # The digits of the numbers in gcd.py, as longobject.c stores them: 30 bits each, the sign in the size.
        firsts = {(row["a->ob_base.ob_size"], row["a->ob_digit[0]"]) for row in rows}
        check_equal(firsts, {_digits(number) for number in (1 << 70, 12345678901234567890, -(1 << 95) - 7, 999999937)}, "digits")


def _digits(number):
    size = -(-abs(number).bit_length() // 30)
    return (size if number > 0 else -size), abs(number) % (1 << 30)


@scenario("foreign/CPython built with -dbg agrees with gdb", needs=("bpf", "gdb"))
def python_dbg(env):
    _python(env, "-dbg", needs_debug_file=False)


@scenario("foreign/optimised CPython agrees with gdb", needs=("bpf", "gdb"))
def python_optimised(env):
    _python(env, "", needs_debug_file=True)
