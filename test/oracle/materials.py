# SPDX-License-Identifier: Apache-2.0
"""What the oracle is run on: name, argv, source files. Compiled programs are cached in build/oracle."""
import dataclasses
import itertools
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
CACHE = REPOSITORY / "build" / "oracle"
SMALL = REPOSITORY / "test" / "programs" / "small"
E2E = REPOSITORY / "test" / "e2e" / "programs"

PROGRAMS = {
    "locals": ("c++", [SMALL / "locals.cc"]),
    "zoo": ("c++", [SMALL / "zoo.cc", SMALL / "zoo_other.cc"]),
    "plain": ("c", [SMALL / "plain.c"]),
    "values": ("c++", [HERE / "programs" / "short_values.cc", E2E / "keep.cc"]),
    "puzzle": ("c++", [HERE / "programs" / "puzzle.cc"]),
    "classic": ("c", [HERE / "programs" / "classic.c"]),
}
COMPILERS = {"gcc": {"c": "gcc", "c++": "g++"}, "clang": {"c": "clang-14", "c++": "clang++-14"},
             "clang16": {"c": "clang-16", "c++": "clang++-16"}, "clang19": {"c": "clang-19", "c++": "clang++-19"}}
PYTHON_SCRIPT = HERE / "programs" / "script.py"
# Files of CPython that the script runs through, and functions of which no line is reached too often.
PYTHON_FILES = ["Objects/longobject.c", "Objects/listobject.c", "Objects/dictobject.c", "Objects/unicodeobject.c",
                "Objects/floatobject.c", "Objects/tupleobject.c", "Modules/mathmodule.c", "Python/ceval.c", "Objects/setobject.c"]


class Missing(Exception):
    """A compiler or package that this machine lacks."""


@dataclasses.dataclass
class Material:
    name: str
    argv: list
    files: list
    lines: int  # how many lines to take

    @property
    def binary(self):
        return self.argv[0]


def compile_program(program, compiler, level, dwarf):
    language, sources = PROGRAMS[program]
    driver = COMPILERS[compiler][language]
    if shutil.which(driver) is None:
        raise Missing(f"{driver} is not installed")
    CACHE.mkdir(parents=True, exist_ok=True)
    output = CACHE / f"{program}.{compiler}.{level}.dwarf{dwarf}"
    inputs = [*sources, SMALL / "zoo.h", pathlib.Path(__file__)]
    if output.exists() and output.stat().st_mtime >= max(source.stat().st_mtime for source in inputs):
        return output
    standard = ["-std=c++17"] if language == "c++" else []
    done = subprocess.run([driver, *standard, f"-{level}", f"-gdwarf-{dwarf}", "-w", "-Wl,--build-id", "-o", output, *sources],
                          capture_output=True, text=True, check=False, cwd=CACHE)
    if done.returncode != 0:
        raise Missing(f"{output.name}: {done.stderr[-500:]}")
    return output


def program_material(program, compiler, level, dwarf, lines):
    binary = compile_program(program, compiler, level, dwarf)
    return Material(binary.name, [str(binary)], [str(source) for source in PROGRAMS[program][1][:1]], lines)


def python_material(binary, lines):
    if not pathlib.Path(binary).exists():
        raise Missing(f"{binary} is not installed")
    return Material(pathlib.Path(binary).name, [binary, "-s", "-S", "-B", str(PYTHON_SCRIPT)], PYTHON_FILES, lines)


def makers(short):
    """Functions that return a Material or raise Missing, with the name of what they make."""
    if short:
        wanted = [("locals", "gcc", "O2", 5, 10), ("locals", "clang", "O2", 4, 10), ("zoo", "gcc", "O0", 5, 4),
                  ("plain", "clang", "O1", 5, 8), ("puzzle", "gcc", "O2", 5, 12), ("classic", "gcc", "O3", 4, 12),
                  ("values", "clang", "O2", 5, 6)]
    else:
        wanted = [(program, compiler, level, dwarf, 20) for level, dwarf, compiler, program in itertools.product(
            ("O2", "O0", "O3", "O1"), (5, 4), ("gcc", "clang", "clang16", "clang19"), PROGRAMS)
            if not compiler.startswith("clang1") or dwarf == 5]
    found = [(f"{each[0]}.{each[1]}.{each[2]}.dwarf{each[3]}", lambda each=each: program_material(*each)) for each in wanted]
    if not short:
        found[6:6] = [("python3.11", lambda: python_material("/usr/bin/python3.11", 25)),
                      ("python3.11d", lambda: python_material("/usr/bin/python3.11d", 15))]
    return found
