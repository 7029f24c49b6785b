#pragma once

#include <string>

#include "labctl/lab/runtime.h"

namespace lab {

// The end of a lab's log, indented, for errors; empty where there is none.
std::string last_words(const LabFolder& folder);

}  // namespace lab
