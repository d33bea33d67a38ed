# SPDX-License-Identifier: Apache-2.0
# Pairs of programs whose common debug information dwz has moved to a third file: alt/ by .gnu_debugaltlink, sup/ by .debug_sup,
# missing/ without that file, mismatch/ with that of another pair.
# cmake "-DINPUTS=a;b" -DOUT=.. -DDWZ=.. -P dwz.cmake
function(pair NAME)
  list(GET INPUTS 0 _first)
  list(GET INPUTS 1 _second)
  file(MAKE_DIRECTORY ${OUT}/${NAME})
  file(COPY_FILE ${_first} ${OUT}/${NAME}/first)
  file(COPY_FILE ${_second} ${OUT}/${NAME}/second)
  execute_process(COMMAND ${DWZ} ${ARGN} -m common.debug -M common.debug first second
                  WORKING_DIRECTORY ${OUT}/${NAME} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${OUT})
pair(alt)
pair(sup --dwarf-5)
pair(missing)
file(REMOVE ${OUT}/missing/common.debug)
pair(mismatch)
file(COPY_FILE ${OUT}/sup/common.debug ${OUT}/mismatch/common.debug)
