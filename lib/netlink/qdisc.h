// The queueing discipline at the root of a link, by which it impairs what it sends: netem, or tbf for a rate alone.
#pragma once

#include <optional>
#include <string>

#include "lib/netlink/impairment.h"
#include "lib/netlink/socket.h"

namespace netlink {

// In place of the impairment that the link has; an impairment of nothing takes it away. Packets that wait meanwhile may
// be lost where the kind of discipline changes.
void set_impairment(Socket& socket, const std::string& link, const Impairment& impairment);
// Nothing where the link has none, or a discipline of another kind. Shares are what the kernel's 32 bits hold of them,
// to a hundred thousandth of a per cent.
std::optional<Impairment> find_impairment(Socket& socket, const std::string& link);
// Does nothing where there is none.
void clear_impairment(Socket& socket, const std::string& link);

}  // namespace netlink
