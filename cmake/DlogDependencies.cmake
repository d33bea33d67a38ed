# SPDX-License-Identifier: Apache-2.0
# Everything from the distribution's packages; deploy/install-deps.sh installs them.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
find_package(absl REQUIRED)
find_package(fmt REQUIRED)
find_package(zydis REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS pull)
pkg_check_modules(GRPCPP REQUIRED IMPORTED_TARGET grpc++)
pkg_check_modules(LIBDW REQUIRED IMPORTED_TARGET libdw)
pkg_check_modules(LIBELF REQUIRED IMPORTED_TARGET libelf)
pkg_check_modules(LIBBPF REQUIRED IMPORTED_TARGET libbpf)

find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
find_program(BPFTOOL bpftool REQUIRED PATHS /usr/sbin /sbin)
find_program(BPF_CLANG NAMES clang-19 clang-18 clang-17 clang-16 clang-15 clang-14 clang REQUIRED)
find_program(BPF_STRIP NAMES llvm-strip-19 llvm-strip-18 llvm-strip-16 llvm-strip-14 llvm-strip)
