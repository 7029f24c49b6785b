// The chains of kube-proxy that all its modes with iptables have alike: what marks a packet, masquerades what is
// marked, and lets it through. A mark, since the nat table's hooks decide before routing what is masqueraded after it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace proxy::masquerading {

inline constexpr const char* jump = "-j KUBE-MARK-MASQ";

std::vector<std::string> mark_chain(std::uint32_t mark);         // nat KUBE-MARK-MASQ
std::vector<std::string> postrouting_chain(std::uint32_t mark);  // nat KUBE-POSTROUTING
std::vector<std::string> forward_chain(std::uint32_t mark);      // filter KUBE-FORWARD

}  // namespace proxy::masquerading
