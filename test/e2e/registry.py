# SPDX-License-Identifier: Apache-2.0
"""Cases by name, and what they need of the machine."""
import dataclasses
import os
import pathlib
import shutil
from typing import Callable

from harness import Skip


@dataclasses.dataclass
class Case:
    name: str
    run: Callable  # takes the Environment
    needs: tuple = ("bpf",)
    daemon: bool = True  # whether the suite's dlogd runs when the case starts


_scenarios = []


def scenario(name, needs=("bpf",), daemon=True):
    """Registers a function of the Environment as a case."""
    def register(function):
        _scenarios.append(Case(name, function, tuple(needs), daemon))
        return function

    return register


def scenarios():
    return list(_scenarios)


def check_needs(env, needs):
    """Raises Skip with the reason when something is missing."""
    for need in needs:
        if need == "bpf":
            if os.geteuid() != 0:
                raise Skip("eBPF needs root")
            if not pathlib.Path("/sys/kernel/btf/vmlinux").exists():
                raise Skip("the kernel has no BTF, which BPF programs are loaded with")
            env.kernel.programs()
        elif need == "root":
            if os.geteuid() != 0:
                raise Skip("needs root")
        elif need == "no default daemon":
            if pathlib.Path("/run/dlog/dlogd.sock").exists():
                raise Skip("a dlogd serves the default socket, so dlogctl would not run embedded")
        elif shutil.which(need) is None:
            raise Skip(f"{need} is not installed")
