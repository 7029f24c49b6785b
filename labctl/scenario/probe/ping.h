// ICMP echo (RFC 792, RFC 4443).
#pragma once

#include "labctl/scenario/probe/connection.h"

namespace probe {

// A raw socket where this user may have one, else the kernel's own kind for ping (net.ipv4.ping_group_range).
Connection open_icmp(const Address& peer, Clock::time_point deadline);
// Sends one request and waits for its reply. Throws RequestFailed.
void exchange_echo(Connection& connection);

}  // namespace probe
