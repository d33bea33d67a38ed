# SPDX-License-Identifier: Apache-2.0
"""Targets that run twice the same way: no address randomisation, a fixed environment, stopped before their first instruction.

Both tools attach to such a process while it is stopped; nothing has run yet that one of them could have missed.
"""
import contextlib
import ctypes
import os
import signal
import subprocess

_PTRACE_TRACEME = 0
_PTRACE_DETACH = 17
_ADDR_NO_RANDOMIZE = 0x0040000
# What the program sees of the world; the stack lies below it, so it must not differ between two runs.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _become_target():
    _libc.personality(_ADDR_NO_RANDOMIZE)
    _libc.ptrace(_PTRACE_TRACEME, 0, None, None)


class Target:
    """One run of a program."""

    def __init__(self, argv, stops_itself=False):
        self.process = subprocess.Popen([str(word) for word in argv], env=ENVIRONMENT, cwd="/", stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=_become_target)
        self.pid = self.process.pid
        # The kernel stops a traced program when its execve is done, at the first instruction of the dynamic linker.
        os.waitpid(self.pid, 0)
        if _libc.ptrace(_PTRACE_DETACH, self.pid, None, 0 if stops_itself else signal.SIGSTOP) != 0:
            raise OSError(ctypes.get_errno(), "PTRACE_DETACH")
        if stops_itself:
            os.waitpid(self.pid, os.WUNTRACED)

    def resume(self):
        os.kill(self.pid, signal.SIGCONT)

    def wait(self, timeout_s):
        """Exit status, or None when it still runs after `timeout_s`."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def stopped(argv, stops_itself=False):
    """A target that waits for `resume` (or for a debugger); ended with the block in any case. One that `stops_itself` (raises SIGSTOP)
    does so when it has loaded what is looked at."""
    target = Target(argv, stops_itself)
    try:
        yield target
    finally:
        target.end()
