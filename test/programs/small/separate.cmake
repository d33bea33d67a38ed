# SPDX-License-Identifier: Apache-2.0
# Makes the family of stripped binaries and debug files: cmake -DINPUT=.. -DOTHER=.. -DNO_ID=.. -DOUT=.. -DOBJCOPY=.. -P separate.cmake
function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${OUT} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${OUT})
file(MAKE_DIRECTORY ${OUT}/linked ${OUT}/mismatch ${OUT}/empty)

execute_process(COMMAND readelf -n ${INPUT} OUTPUT_VARIABLE _notes COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCH "Build ID: ([0-9a-f]+)" _ "${_notes}")
set(_id ${CMAKE_MATCH_1})
string(SUBSTRING ${_id} 0 2 _head)
string(SUBSTRING ${_id} 2 -1 _tail)

# In a build-id tree.
file(MAKE_DIRECTORY ${OUT}/tree/.build-id/${_head})
run(${OBJCOPY} --only-keep-debug ${INPUT} ${OUT}/tree/.build-id/${_head}/${_tail}.debug)
run(${OBJCOPY} --strip-all ${INPUT} ${OUT}/stripped)

# Through .gnu_debuglink, beside the binary.
run(${OBJCOPY} --only-keep-debug ${INPUT} ${OUT}/linked/plain.debug)
run(${OBJCOPY} --strip-all --add-gnu-debuglink=${OUT}/linked/plain.debug ${INPUT} ${OUT}/linked/plain)
# The same without build-ids: only the CRC can tell.
run(${OBJCOPY} --only-keep-debug ${NO_ID} ${OUT}/linked/no_id.debug)
run(${OBJCOPY} --strip-all --add-gnu-debuglink=${OUT}/linked/no_id.debug ${NO_ID} ${OUT}/linked/no_id)

# A link to the debug file of another build.
run(${OBJCOPY} --only-keep-debug ${OTHER} ${OUT}/mismatch/plain.debug)
run(${OBJCOPY} --strip-all --add-gnu-debuglink=${OUT}/mismatch/plain.debug ${INPUT} ${OUT}/mismatch/plain)
run(${OBJCOPY} --only-keep-debug ${OTHER} ${OUT}/mismatch/no_id.debug)
run(${OBJCOPY} --strip-all --add-gnu-debuglink=${OUT}/linked/no_id.debug ${NO_ID} ${OUT}/mismatch/no_id)
