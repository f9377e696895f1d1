# Compiles what must not compile, and looks for what the compiler has to say about it.
#   cmake -D COMPILER=… -D FLAGS=… -D SOURCE=compile_fail.cc -P compile_fail.cmake
# Each case is a macro in the source; the first line of its block says what must be printed.
file(STRINGS ${SOURCE} lines REGEX "^// CASE ")
separate_arguments(flags UNIX_COMMAND "${FLAGS}")
set(failed 0)
set(count 0)

# The source has to compile without any case, or every case would "fail" for a reason of its own.
execute_process(COMMAND ${COMPILER} ${flags} -fsyntax-only ${SOURCE}
                RESULT_VARIABLE status ERROR_VARIABLE errors)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "without any case, this must compile:\n${errors}")
endif()
foreach(line ${lines})
  string(REGEX MATCH "^// CASE ([A-Z_0-9]+): (.*)$" matched "${line}")
  set(case ${CMAKE_MATCH_1})
  set(expected "${CMAKE_MATCH_2}")
  math(EXPR count "${count} + 1")
  execute_process(COMMAND ${COMPILER} ${flags} -D${case} -fsyntax-only ${SOURCE}
                  RESULT_VARIABLE status ERROR_VARIABLE errors)
  string(FIND "${errors}" "${expected}" place)
  if(status EQUAL 0)
    message(SEND_ERROR "${case} compiles, and must not")
    set(failed 1)
  elseif(place EQUAL -1)
    message(SEND_ERROR "${case}: the compiler does not say '${expected}':\n${errors}")
    set(failed 1)
  endif()
endforeach()
if(count EQUAL 0)
  message(FATAL_ERROR "no cases in ${SOURCE}")
endif()
message(STATUS "${count} cases do not compile, as they should")
