# SPDX-License-Identifier: Apache-2.0
"""Files that cases point dlog at: compiled, stripped, cut. Made once per run, in the scratch directory or, for what takes a
compiler, in build/e2e, where they are made again only when their source is newer."""
import os
import pathlib
import subprocess

from harness import PROGRAMS, REPOSITORY, Failure

CACHE = REPOSITORY / "build" / "e2e"


def run_tool(*argv):
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, argv))}: {done.stderr or done.stdout}")
    return done.stdout


def compile_program(name, sources, *flags, compiler="g++"):
    """An executable of `sources` (in programs/); returns its path."""
    CACHE.mkdir(parents=True, exist_ok=True)
    output = CACHE / name
    inputs = [source if pathlib.Path(source).is_absolute() else PROGRAMS / source for source in sources]
    if not output.exists() or output.stat().st_mtime < max(source.stat().st_mtime for source in [*inputs, pathlib.Path(__file__)]):
        partial = output.with_suffix(f".{os.getpid()}")
        run_tool(compiler, "-Wall", "-pthread", *flags, *inputs, "-o", partial)
        partial.rename(output)
    return output


def _shop_sources():
    return sorted((REPOSITORY / "test" / "programs" / "shop").glob("*.cc"))


def _stripped(env):
    output = env.tmp / "shop-stripped"
    run_tool("strip", "-o", output, env.bin / "shop")
    return output


def _no_debug(_env):
    return compile_program("shop-nodebug", _shop_sources(), "-std=c++20", "-O1", "-g0")


def _other_build(_env):
    """Another build of the same sources: another build-id."""
    return compile_program("shop-other", _shop_sources(), "-std=c++20", "-O1", "-g")


def _other_debug(env):
    output = env.tmp / "shop-other.debug"
    run_tool("objcopy", "--only-keep-debug", fixture(env, "other_build"), output)
    return output


def _truncated(env):
    output = env.tmp / "shop-truncated"
    content = (env.bin / "shop").read_bytes()
    output.write_bytes(content[: len(content) // 3])
    output.chmod(0o755)
    return output


def _garbage(env):
    """A correct identification and header size, then bytes that mean nothing."""
    output = env.tmp / "shop-garbage"
    noise = bytes((7 * i * i + 13 * i + (i >> 3)) & 0xFF for i in range(1 << 16))
    output.write_bytes((env.bin / "shop").read_bytes()[:24] + noise)
    output.chmod(0o755)
    return output


def _not_elf(env):
    output = env.tmp / "not-elf"
    output.write_text("#!/bin/sh\nexit 0\n")
    output.chmod(0o755)
    return output


def _ambiguous(_env):
    return compile_program("ambiguous", ["ambiguous/main.cc", "ambiguous/a/same.cc", "ambiguous/b/same.cc"], "-O1", "-g")


def _unsafe(_env):
    return compile_program("unsafe", ["unsafe.cc"], "-O2", "-g")


_MAKERS = {"stripped": _stripped, "nodebug": _no_debug, "other_build": _other_build, "other_debug": _other_debug, "truncated": _truncated,
           "garbage": _garbage, "not_elf": _not_elf, "ambiguous": _ambiguous, "unsafe": _unsafe,
           "shop": lambda env: env.bin / "shop"}


def fixture(env, name):
    if name not in env.fixtures:
        if name not in _MAKERS:
            raise Failure(f"unknown fixture {name}")
        env.fixtures[name] = _MAKERS[name](env)
    return env.fixtures[name]
