#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over the files named on standard input that are in BUILD/compile_commands.json, on all cores that it may use.

    git ls-files | test/tidy.py BUILD

A file is skipped when it was clean with the same content, the same settings and the same headers of ours (those that it
includes, directly or not). Exit status 1 when clang-tidy found something.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

INCLUDE = re.compile(rb'^\s*(?:#\s*include|import)\s*"([^"]+)"', re.MULTILINE)
GENERATED = re.compile(r"(\.grpc)?\.pb\.h$")


def closure(path, root, known):
    """Our own files that `path` includes, directly or not, itself first. Names are relative to the root, to proto/ (a generated
    header stands for the file that it is generated from) or to the file."""
    if path in known:
        return
    known[path] = path.read_bytes()
    for name in INCLUDE.findall(known[path]):
        for folder in (root, root / "proto", path.parent):
            included = folder / GENERATED.sub(".proto", name.decode())
            if included.is_file():
                closure(included, root, known)
                break


def settings(path, root):
    """The .clang-tidy files that hold for `path`, together."""
    folders = [folder for folder in path.parents if folder.is_relative_to(root)]
    return b"".join(file.read_bytes() for folder in reversed(folders) if (file := folder / ".clang-tidy").is_file())


def fingerprint(path, root, command):
    known = {}
    closure(path, root, known)
    digest = hashlib.sha256(command.replace(str(root), ".").encode() + settings(path, root))
    for name in sorted(known):
        digest.update(str(name.relative_to(root)).encode() + known[name])
    return digest.hexdigest()


def tidy(path, build, stamp):
    done = subprocess.run(["clang-tidy", "-p", str(build), "--quiet", str(path)], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()
    return path, done.returncode, done.stdout + (done.stderr if done.returncode else "")


def main():
    root = pathlib.Path.cwd()
    build = pathlib.Path(sys.argv[1])
    commands = {pathlib.Path(entry["directory"], entry["file"]): entry["command"]
                for entry in json.loads((build / "compile_commands.json").read_text())}
    wanted = [root / line.strip() for line in sys.stdin if line.strip()]
    jobs = []
    for path in wanted:
        if path in commands:
            stamp = build / "tidy" / fingerprint(path, root, commands[path])
            if not stamp.exists():
                jobs.append((path, build, stamp))
    print(f"clang-tidy: {len(jobs)} files to check", flush=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for path, status, output in pool.map(lambda job: tidy(*job), jobs):
            if status != 0:
                failed += 1
                print(f"-- {path.relative_to(root)}\n{output}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
