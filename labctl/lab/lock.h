// The lock that says whether a lab is alive: an open file description lock (fcntl(2)), which its holder's children
// inherit as they inherit the descriptor, and which can be looked at without being taken.
#pragma once

namespace lab {

// False where somebody else has it.
bool take_lock(int descriptor);
bool is_locked(int descriptor);

}  // namespace lab
