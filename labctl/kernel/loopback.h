#pragma once

namespace kernel {

// Sets lo of the calling thread's network namespace up.
void set_loopback_up();

}  // namespace kernel
