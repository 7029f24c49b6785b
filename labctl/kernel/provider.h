// A kernel provider: where the kernel of a lab comes from. `host` and `uml` look the same from here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "labctl/kernel/needs.h"

namespace kernel {

class Provider {
 public:
  virtual ~Provider() = default;
  // "host", "uml".
  virtual std::string name() const = 0;
  // "Linux 6.18.44", "user-mode Linux 6.1.176"; what it would run on, whether or not it can.
  virtual std::string kernel_version() const = 0;
  // Empty where labs can be started on it at all; else why not, and the mend.
  struct Availability {
    bool available = false;
    std::string why;
    std::string mend;
  };
  virtual Availability availability() const = 0;
  // One status for each of NEEDS, in their order. May take some 10 ms (host: it is tried out).
  virtual std::vector<NeedStatus> serves(const std::vector<std::string>& needs) const = 0;
};

std::unique_ptr<Provider> make_host_provider();
std::unique_ptr<Provider> make_uml_provider();
// In the order in which they are preferred: host, uml.
std::vector<std::unique_ptr<Provider>> make_providers();

}  // namespace kernel
