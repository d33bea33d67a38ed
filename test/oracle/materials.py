# SPDX-License-Identifier: Apache-2.0
"""What the oracle is run on: name, argv, source files. Compiled programs are cached in build/oracle."""
import dataclasses
import itertools
import os
import pathlib
import re
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
# Files of HotSpot that run when it starts.
JVM_FILES = ["arguments.cpp", "classFileParser.cpp", "symbolTable.cpp", "constantPool.cpp", "genCollectedHeap.cpp", "os_linux.cpp",
             "methodData.cpp", "stubGenerator_x86_64.cpp", "linkResolver.cpp", "systemDictionary.cpp", "metaspace.cpp"]

# Test programs in Debian's source packages: archive, what is taken out of it.
SUITES = {
    "guality": ("/usr/src/gcc-12/gcc-12.2.0-dfsg.tar.xz", ["*/gcc/testsuite/gcc.dg/guality/*.c", "*/gcc/testsuite/gcc.dg/nop.h"]),
    "gdb": ("/usr/src/gdb.tar.xz", ["*/gdb/testsuite/gdb.*/*.c*"]),
}
# Of gdb's: programs of one file that end by themselves, and say something about values.
GDB_PROGRAMS = ["gdb.base/all-types.c", "gdb.base/bitfields.c", "gdb.base/bitfields2.c", "gdb.base/call-ar-st.c", "gdb.base/call-rt-st.c",
                "gdb.base/funcargs.c", "gdb.base/recurse.c", "gdb.base/scope0.c", "gdb.base/store.c", "gdb.base/structs.c", "gdb.base/vla-datatypes.c",
                "gdb.base/varargs.c", "gdb.base/restore.c", "gdb.base/pc-fp.c", "gdb.base/nodebug.c", "gdb.cp/anon-struct.cc", "gdb.cp/anon-union.cc",
                "gdb.cp/bool.cc", "gdb.cp/casts.cc", "gdb.cp/class2.cc", "gdb.cp/classes.cc", "gdb.cp/derivation.cc", "gdb.cp/inherit.cc",
                "gdb.cp/m-data.cc", "gdb.cp/m-static.cc", "gdb.cp/mb-inline.cc", "gdb.cp/misc.cc", "gdb.cp/namespace.cc", "gdb.cp/overload.cc",
                "gdb.cp/psmang.cc", "gdb.cp/ref-types.cc", "gdb.cp/rvalue-ref-types.cc", "gdb.cp/templates.cc", "gdb.cp/try_catch.cc",
                "gdb.cp/userdef.cc", "gdb.cp/virtbase.cc", "gdb.cp/virtfunc.cc", "gdb.opt/inline-break.c", "gdb.opt/inline-locals.c"]

# Programs of others, from Debian's source packages unpacked below $DLOG_ORACLE_SOURCES: folder, sources, include folders, flags, headers
# of which lines are taken, too; programs/foreign/NAME_main.cc drives each.
FOREIGN = {
    "tinyxml2": ("tinyxml2-*", ["tinyxml2.cpp"], [], [], []),
    "re2": ("re2-*", ["re2/*.cc", "util/rune.cc", "util/strutil.cc"], [], [], []),
    "pugixml": ("pugixml-*", ["src/pugixml.cpp"], ["src"], [], []),
    "fmt": ("fmtlib-*", ["src/format.cc", "src/os.cc"], ["include"], [],
            [f"include/fmt/{name}.h" for name in ("core", "format", "format-inl", "ranges")]),
    "json": ("nlohmann-json3-*", [], ["include"], [],
             [f"include/nlohmann/{name}.hpp" for name in ("json", "detail/input/lexer", "detail/input/parser", "detail/input/binary_reader",
                                                          "detail/output/serializer", "detail/output/binary_writer")]),
    "yaml": ("yaml-cpp-*", ["src/*.cpp"], ["include", "src"], [], ["include/yaml-cpp/node/impl.h", "include/yaml-cpp/node/convert.h"]),
    "leveldb": ("leveldb-*", ["table/*.cc", "util/*.cc", "db/memtable.cc", "db/dbformat.cc", "db/write_batch.cc"], ["include"],
                ["-DLEVELDB_PLATFORM_POSIX=1", "-fno-rtti"], []),
}
FOREIGN_BUILDS = [("gcc", "O2"), ("clang19", "O2"), ("gcc", "O3"), ("clang", "O1"), ("gcc", "O1"), ("clang", "O2"), ("clang19", "O3"), ("clang16", "O2")]


class Missing(Exception):
    """A compiler or package that this machine lacks."""


@dataclasses.dataclass
class Material:
    name: str
    argv: list
    files: list
    lines: int  # how many lines to take
    library: str = ""  # the lines are of this shared library; the program stops itself when it has loaded it

    @property
    def binary(self):
        return self.library or self.argv[0]


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


def suite_sources(suite):
    """The programs of a source package, unpacked once; none when the package is not installed."""
    archive, patterns = SUITES[suite]
    folder = CACHE / suite
    if not pathlib.Path(archive).exists():
        return []
    if not folder.exists():
        folder.mkdir(parents=True)
        subprocess.run(["tar", "-xJf", archive, "-C", folder, "--wildcards", "--transform", "s:.*/testsuite/::", *patterns], check=True)
    if suite == "gdb":
        return [folder / name for name in GDB_PROGRAMS if (folder / name).exists()]
    # Those that drive gdb by themselves (guality.h) run for minutes; the others have their values in comments.
    found = {path: path.read_text(errors="replace") for path in sorted(folder.rglob("*.c"))}
    return [path for path, text in found.items() if "gdb-test" in text and "guality.h" not in text and re.search(r"^main|int main", text, re.M)]


def suite_material(suite, source, level, lines):
    compiler = "g++" if source.suffix == ".cc" else "gcc"
    output = CACHE / f"{suite}.{source.stem}.{compiler}.{level}"
    # Their own options for the optimiser matter (a variable that only lives with -fno-...), those for debugging do not.
    options = re.search(r'dg-options "([^"]*)"', source.read_text(errors="replace"))
    own = [word for word in (options[1].split() if options else []) if word.startswith("-f") and "var-tracking" not in word]
    done = subprocess.run([compiler, f"-{level}", "-g", *own, "-w", "-Wl,--build-id", "-o", output, source, "-lm"],
                          capture_output=True, text=True, check=False, cwd=source.parent)
    if done.returncode != 0:
        raise Missing(f"{output.name}: does not compile: {done.stderr.strip()[-200:]}")
    return Material(output.name, [str(output)], [str(source)], lines)


def suite_makers():
    return [(f"{suite}.{source.stem}.{'g++' if source.suffix == '.cc' else 'gcc'}.{level}",
             lambda suite=suite, source=source, level=level: suite_material(suite, source, level, 10))
            for suite, levels in (("guality", ["O2"]), ("gdb", ["O0", "O2"])) for level in levels for source in suite_sources(suite)]


def foreign_sources(name):
    """(folder, sources, headers) of a program of others."""
    pattern, sources, _, _, headers = FOREIGN[name]
    folder = next((path for path in sorted(pathlib.Path(os.environ.get("DLOG_ORACLE_SOURCES", "/nowhere")).glob(pattern)) if path.is_dir()), None)
    if folder is None:
        raise Missing(f"{name}: no source below DLOG_ORACLE_SOURCES")
    found = [path for source in sources for path in sorted(folder.glob(source)) if not re.search(r"_test|testutil|windows", path.name)]
    return folder, found, [folder / header for header in headers]


def foreign_material(name, compiler, level, lines):
    folder, sources, headers = foreign_sources(name)
    driver = COMPILERS[compiler]["c++"]
    if shutil.which(driver) is None:
        raise Missing(f"{driver} is not installed")
    main = HERE / "programs" / "foreign" / f"{name}_main.cc"
    _, _, includes, flags, _ = FOREIGN[name]
    CACHE.mkdir(parents=True, exist_ok=True)
    if name == "leveldb":  # CMake makes this one
        generated = CACHE / "leveldb" / "port" / "port_config.h"
        generated.parent.mkdir(parents=True, exist_ok=True)
        generated.write_text("#define HAVE_FDATASYNC 1\n#define HAVE_O_CLOEXEC 1\n#define HAVE_CRC32C 0\n#define HAVE_SNAPPY 0\n")
        includes = [*includes, generated.parents[1]]
    output = CACHE / f"{name}.{compiler}.{level}"
    if not output.exists() or output.stat().st_mtime < main.stat().st_mtime:
        done = subprocess.run([driver, "-std=c++17", f"-{level}", "-g", "-w", *flags, "-Wl,--build-id", "-pthread", f"-I{folder}",
                               *(f"-I{folder / include}" for include in includes), "-o", f"{output}.new", main, *sources],
                              capture_output=True, text=True, check=False, cwd=CACHE)
        if done.returncode != 0:
            raise Missing(f"{output.name}: does not compile: {done.stderr.strip()[-300:]}")
        pathlib.Path(f"{output}.new").rename(output)  # one that was ended while it linked is none
    return Material(f"foreign {output.name}", [str(output)], [str(main), *map(str, sources + headers)], lines)


def foreign_makers():
    return [(f"foreign {name}.{compiler}.{level}", lambda name=name, compiler=compiler, level=level: foreign_material(name, compiler, level, 40))
            for name in FOREIGN for compiler, level in FOREIGN_BUILDS] if "DLOG_ORACLE_SOURCES" in os.environ else []


def jvm_material(lines):
    """libjvm.so starting up, with the debug information of openjdk-17-dbg."""
    home = pathlib.Path("/usr/lib/jvm/java-17-openjdk-amd64")
    library = home / "lib" / "server" / "libjvm.so"
    if not library.exists() or not pathlib.Path("/usr/share/doc/openjdk-17-dbg").exists():
        raise Missing("openjdk-17-jdk and openjdk-17-dbg are not installed")
    CACHE.mkdir(parents=True, exist_ok=True)
    output = CACHE / "jvm_main"
    done = subprocess.run(["gcc", "-O1", f"-I{home / 'include'}", f"-I{home / 'include' / 'linux'}", "-o", output,
                           HERE / "programs" / "foreign" / "jvm_main.c"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Missing(f"jvm_main does not compile: {done.stderr.strip()[-300:]}")
    return Material("libjvm", [str(output), str(library)], JVM_FILES, lines, str(library))


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
        found += suite_makers()
        found += foreign_makers()
        found += [("libjvm", lambda: jvm_material(10))]
    return found
