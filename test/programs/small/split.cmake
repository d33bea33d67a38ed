# SPDX-License-Identifier: Apache-2.0
# Makes the family of programs with split DWARF: packages of DWARF 4 (gcc, binutils' dwp) and 5 (clang, llvm-dwp), both with
# type units, a .dwo file that is missing and one of another build.
# cmake -DSOURCES=.. -DOUT=.. -DGXX=.. -DCLANGXX=.. -DDWP=.. -DLLVM_DWP=.. -P split.cmake
function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${OUT}/build COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(build NAME COMPILER)
  run(${COMPILER} -std=c++17 -w -O0 -gsplit-dwarf ${ARGN} -I${SOURCES} -c ${SOURCES}/zoo.cc -o ${NAME}.zoo.o)
  run(${COMPILER} -std=c++17 -w -O0 -gsplit-dwarf ${ARGN} -I${SOURCES} -c ${SOURCES}/zoo_other.cc -o ${NAME}.other.o)
  run(${COMPILER} -Wl,--build-id ${NAME}.zoo.o ${NAME}.other.o -o ${OUT}/${NAME})
endfunction()

file(REMOVE_RECURSE ${OUT})
file(MAKE_DIRECTORY ${OUT}/build)
build(package4 ${GXX} -gdwarf-4 -fdebug-types-section)
run(${DWP} -e ${OUT}/package4 -o ${OUT}/package4.dwp)
build(package5 ${CLANGXX} -gdwarf-5 -fdebug-types-section)
run(${LLVM_DWP} -e ${OUT}/package5 -o ${OUT}/package5.dwp)
# Made from the same objects, without a package: its .dwo files go away with the directory.
build(missing ${GXX} -gdwarf-5)
# The file beside the binary is of another build.
build(stale ${GXX} -gdwarf-5)
build(other ${GXX} -gdwarf-5 -DOTHER_BUILD -fno-rtti)
file(COPY_FILE ${OUT}/build/other.zoo.dwo ${OUT}/stale.zoo.dwo)
# The .dwo files beside the binary although it was built elsewhere.
build(moved ${GXX} -gdwarf-5)
file(COPY_FILE ${OUT}/build/moved.zoo.dwo ${OUT}/moved.zoo.dwo)
file(COPY_FILE ${OUT}/build/moved.other.dwo ${OUT}/moved.other.dwo)
file(REMOVE_RECURSE ${OUT}/build)
