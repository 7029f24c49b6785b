// From the needs of a topology to the kernel that it runs on.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "labctl/kernel/provider.h"

namespace kernel {

// A need, and the objects of the topology that asked for it ("node ds: ipvs tcp://10.10.0.1:8410"): for refusals.
struct AskedNeed {
  std::string need;
  std::vector<std::string> asked_by;
};

struct Choice {
  std::string provider;        // "host", "uml"
  std::string kernel_version;  // "user-mode Linux 6.1.176"
  // One line for people: "the host's kernel serves all it needs", "user-mode Linux: the host's kernel lacks ipset (…)".
  std::string reason;
};

// The first of PROVIDERS that serves all needs; with OVERRIDE ("host" or "uml"), that one or nothing. A refusal throws
// base::Error naming each lacking need, who asked for it, why it is lacking, and what to install.
Choice choose(const std::vector<AskedNeed>& needs, const std::optional<std::string>& override,
              const std::vector<std::unique_ptr<Provider>>& providers);
Choice choose(const std::vector<AskedNeed>& needs, const std::optional<std::string>& override = std::nullopt);

}  // namespace kernel
