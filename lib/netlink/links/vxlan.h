// VXLAN (RFC 7348): Ethernet frames in UDP between tunnel end points (VTEPs).
#pragma once

#include "lib/netlink/link.h"

namespace netlink {

struct Vxlan {
  std::uint32_t vni = 0;
  std::uint16_t port = 0;  // 0: the kernel's default, 8472
  std::optional<IpAddress> local;
  std::optional<std::uint32_t> device;  // index of the underlying link
  bool learning = true;
};

void create_vxlan(Socket& socket, const NewLink& link, const Vxlan& vxlan);

// What the device NAME is made of; nothing where there is no such link, or one of another kind.
std::optional<Vxlan> find_vxlan(Socket& socket, const std::string& name);

}  // namespace netlink
