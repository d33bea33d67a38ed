# SPDX-License-Identifier: Apache-2.0
# Language level, warnings and sanitizers for all of our own targets (through dlog_options).
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

set(DLOG_SANITIZE "" CACHE STRING "Sanitizers for our own code: empty, address, thread or fuzz")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

# Every library and binary of ours links this.
add_library(dlog_options INTERFACE)
target_include_directories(dlog_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(dlog_options INTERFACE -Wall -Wextra -Werror -fno-omit-frame-pointer)
target_compile_definitions(dlog_options INTERFACE DLOG_VERSION="${PROJECT_VERSION}")
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(dlog_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wthread-safety>)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overlapping copies in assignments of literals to std::string (its bug 105651).
  target_compile_options(dlog_options INTERFACE -Wno-restrict)
endif()

if(DLOG_SANITIZE STREQUAL "address")
  set(_flags -fsanitize=address,undefined -fno-sanitize-recover=undefined)
elseif(DLOG_SANITIZE STREQUAL "thread")
  set(_flags -fsanitize=thread)
elseif(DLOG_SANITIZE STREQUAL "fuzz")
  set(_flags -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
elseif(NOT DLOG_SANITIZE STREQUAL "")
  message(FATAL_ERROR "DLOG_SANITIZE: unknown value '${DLOG_SANITIZE}'")
endif()
if(DEFINED _flags)
  target_compile_options(dlog_options INTERFACE ${_flags})
  target_link_options(dlog_options INTERFACE ${_flags})
endif()
