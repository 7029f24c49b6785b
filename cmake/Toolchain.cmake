# Compiler, linker and third-party libraries, in one place.

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Targets with precompiled headers are cached by this, and where they are compiled with -fpch-preprocess (ccache's
  # manual, "Precompiled headers").
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -fdiagnostics-color=auto)
# GCC 12 sees overlaps in `"text" + std::string` that are not there (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()
if(LABCTL_WERROR)
  add_compile_options(-Werror)
endif()
if(LABCTL_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g1)
  # With optimisation the checks take several times as long to compile, and GCC takes what they add for the use of
  # uninitialised values.
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-O0>)
  add_link_options(-fsanitize=address,undefined)
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
pkg_check_modules(LIBNL REQUIRED IMPORTED_TARGET libnl-3.0 libnl-route-3.0 libnl-genl-3.0)
pkg_check_modules(FYAML REQUIRED IMPORTED_TARGET libfyaml)
# Linear in the text and without recursion: patterns are a stranger's, and the lab's first process matches them.
# Static: what a lab's first process has to load, an embedded kernel loads slowly.
find_library(RE2_LIBRARY NAMES libre2.a REQUIRED)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(PCAP REQUIRED IMPORTED_TARGET libpcap)
pkg_check_modules(IPSET REQUIRED IMPORTED_TARGET libipset)

# Asio, Beast and their like are compiled once (lib/base/third_party.cpp), not in every file that includes them.
add_compile_definitions(
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
  BOOST_ASIO_DISABLE_BOOST_COROUTINE)
