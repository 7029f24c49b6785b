// Where Debian's package user-mode-linux puts its kernel.
#pragma once

namespace kernel {

inline constexpr const char* kUmlKernel = "/usr/bin/linux.uml";

}  // namespace kernel
