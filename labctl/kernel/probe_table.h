// How each need is tried out.
#pragma once

#include <string>

namespace kernel {

// Uses what NEED names, in the calling thread's network namespace, which is to be thrown away afterwards. Throws
// base::Error with the kernel's words where it does not work.
void try_need(const std::string& need);

}  // namespace kernel
