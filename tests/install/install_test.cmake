# Installs the build into a temporary prefix, moves that elsewhere, and builds and runs the
# program in consumer/ against it, all outside of the tree: what is installed must neither lack
# something nor point back into the tree.
#
# cmake -D BUILD_DIR=… -D SOURCE_DIR=… -D CONFIG=… -D CXX_COMPILER=… -P install_test.cmake
cmake_minimum_required(VERSION 3.25)

foreach(variable BUILD_DIR SOURCE_DIR CONFIG CXX_COMPILER)
  if(NOT ${variable})
    message(FATAL_ERROR "${variable} is not set")
  endif()
endforeach()

execute_process(COMMAND mktemp -d -t isola-install-XXXXXX
  OUTPUT_VARIABLE work OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)

# give_up(TEXT): fails, and leaves nothing behind.
function(give_up text)
  file(REMOVE_RECURSE ${work})
  message(FATAL_ERROR "${text}")
endfunction()

# run(WHAT COMMAND…): runs it; its output goes to ${output}, and is shown when it fails.
function(run what)
  message(STATUS "${what}")
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output
    ERROR_VARIABLE output WORKING_DIRECTORY ${work})
  if(NOT result EQUAL 0)
    give_up("${what} failed (${result}):\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

run("install" ${CMAKE_COMMAND} --install ${BUILD_DIR} --config ${CONFIG} --prefix ${work}/first)
file(RENAME ${work}/first ${work}/prefix)

file(GLOB_RECURSE installed ${work}/prefix/*.cmake ${work}/prefix/*.h ${work}/prefix/*.pc)
foreach(file ${installed})
  file(READ ${file} text)
  foreach(place ${SOURCE_DIR} ${BUILD_DIR} ${work})
    string(FIND "${text}" "${place}" at)
    if(NOT at EQUAL -1)
      give_up("${file} names ${place}")
    endif()
  endforeach()
endforeach()

file(COPY ${SOURCE_DIR}/tests/install/consumer DESTINATION ${work})
run("configure the consumer" ${CMAKE_COMMAND} -G Ninja -S ${work}/consumer -B ${work}/build
  -D CMAKE_PREFIX_PATH=${work}/prefix -D CMAKE_CXX_COMPILER=${CXX_COMPILER}
  -D CMAKE_BUILD_TYPE=${CONFIG})
run("build the consumer" ${CMAKE_COMMAND} --build ${work}/build)
run("run the consumer" ${work}/build/consumer)
if(NOT output STREQUAL "total 3\n")
  give_up("the consumer printed '${output}'")
endif()
run("run the consumer that simulates" ${work}/build/simulated)
if(NOT output STREQUAL "lost\n")
  give_up("the consumer that simulates printed '${output}'")
endif()
file(REMOVE_RECURSE ${work})
message(STATUS "the installed library works")
