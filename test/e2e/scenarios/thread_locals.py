# SPDX-License-Identifier: Apache-2.0
"""Thread-local variables of the thread that hits, in the program and in a library that it is linked with."""
import fixtures
import harness
from harness import check, check_equal
from registry import scenario

HITS = 40
FLAGS = ("-g", "-O1")


def _expect_own_values(env, target, prefix):
    line = harness.source_line("test/e2e/programs/threads.cc", "// the logpoint")
    template = "{step} {%s_first} {%s_wide.values[1]} {%s_last}" % (prefix, prefix, prefix)
    events = env.ctl_ok("-o", "json", "log", "-p", target.pid, f"threads.cc:{line}", template,
                        "--rate", "0", "--hits", HITS).json_lines()
    check_equal(len(events), HITS, "events")
    steps = set()
    for event in events:
        values = [(value["status"], value["text"]) for value in event["values"]]
        check(all(status == "ok" for status, _ in values), f"{prefix}: {event['values']}")
        step = int(values[0][1])
        steps.add(step)
        check_equal([int(text) for _, text in values[1:]], [step * 10, step * 100, step * 1000], f"{prefix} of thread {step}")
    check(len(steps) > 1, f"only the threads {steps} were seen")


def _program(env, compiler):
    program = fixtures.compile_program(f"threads-{compiler}", ["threads.cc"], *FLAGS, compiler=compiler)
    with env.running([program]) as target:
        _expect_own_values(env, target, "program")


def _split(env, compiler, dwarf):
    unit, program = env.tmp / "threads.o", env.tmp / "threads"  # the .dwo file is beside the object file
    fixtures.run_tool(compiler, "-c", *FLAGS, "-gsplit-dwarf", dwarf, harness.PROGRAMS / "threads.cc", "-o", unit)
    fixtures.run_tool(compiler, unit, "-pthread", "-o", program)
    line = harness.source_line("test/e2e/programs/threads.cc", "// the logpoint")
    with env.running([program]) as target:
        _expect_own_values(env, target, "program")
    unit.with_suffix(".dwo").unlink()
    done = env.ctl("explain", "--binary", program, f"threads.cc:{line}", "{step}", server=False)
    check(done.returncode == 1 and "threads.dwo is missing; tried: " in done.stderr, done)


def _library(env, model):
    library = fixtures.compile_program(f"libthreads-{model}.so", ["threads.cc"], *FLAGS, "-DTHREADS_LIBRARY", "-fPIC", "-shared",
                                       f"-ftls-model={model}")
    host = env.tmp / "host.cc"
    host.write_text('extern "C" void library_step(long);\n#include <pthread.h>\n#include <unistd.h>\n'
                    "static void* Run(void* a) { for (;;) { library_step(reinterpret_cast<long>(a)); usleep(5000); } }\n"
                    "int main() { pthread_t t; for (long i = 1; i < 4; ++i) pthread_create(&t, nullptr, Run, reinterpret_cast<void*>(i));\n"
                    "  Run(reinterpret_cast<void*>(4)); }\n")
    program = fixtures.compile_program(f"threads-host-{model}", [host, library], "-g0", f"-Wl,-rpath,{library.parent}")
    with env.running([program]) as target:
        _expect_own_values(env, target, "library")


for _compiler in ("g++", "clang++"):
    scenario(f"threads/program {_compiler}", needs=("bpf", _compiler))(lambda env, c=_compiler: _program(env, c))
    for _dwarf in ("-gdwarf-4", "-gdwarf-5"):
        scenario(f"threads/program {_compiler} split {_dwarf[2:]}", needs=("bpf", _compiler))(
            lambda env, c=_compiler, d=_dwarf: _split(env, c, d))
for _model in ("global-dynamic", "local-dynamic", "initial-exec"):
    scenario(f"threads/library {_model}", needs=("bpf", "g++"))(lambda env, m=_model: _library(env, m))
