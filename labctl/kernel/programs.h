#pragma once

#include <string>

namespace kernel {

// Whether PATH, or /usr/sbin and /sbin, which an ordinary user's PATH lacks, have such a program.
bool program_exists(const std::string& name);
// Where; empty where it is in none of them.
std::string find_program(const std::string& name);

}  // namespace kernel
