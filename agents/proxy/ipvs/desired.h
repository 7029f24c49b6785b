// Services → what the kernel is to hold: a pure function.
#pragma once

#include <string>
#include <vector>

#include "agents/proxy/ipvs/state.h"
#include "agents/proxy/service_port.h"

namespace proxy::ipvs {

State desired_state(const std::vector<ServicePort>& ports, const NodeView& node, const Settings& settings);

// On kernels 4.1 to 5.8 a port that a client uses again would cost it a second (kubernetes#70747); later ones reuse
// connections properly. RELEASE: "5.4.0-42-generic".
bool needs_connection_reuse_disabled(const std::string& release);

}  // namespace proxy::ipvs
