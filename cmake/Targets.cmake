# How a folder becomes a target: every .cpp directly in it or below it, no list to keep.

include(GNUInstallDirs)
set(LABCTL_LIBEXEC_DIR ${CMAKE_BINARY_DIR}/libexec/labctl)

# All that is installed; what a user needs, without the tests.
add_custom_target(programs)

# labctl_library(name [LINK targets...]): the static library made of this folder.
function(labctl_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  if(NOT sources)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ${ARG_LINK})
    return()
  endif()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
endfunction()

# labctl_program(name [LINK targets...]): the helper program made of this folder, beside which labctl finds it.
function(labctl_program name)
  cmake_parse_arguments(ARG "" "" "LINK;SOURCES" ${ARGN})
  if(NOT ARG_SOURCES)
    file(GLOB_RECURSE ARG_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  endif()
  list(GET ARG_SOURCES 0 first)
  if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${first} AND NOT EXISTS ${first})
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${LABCTL_LIBEXEC_DIR})
  add_dependencies(programs ${name})
  install(TARGETS ${name} DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/labctl)
endfunction()
