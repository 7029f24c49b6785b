// The file by which an overlay tells a node's pod network about its subnet: /run/flannel/subnet.env.
#pragma once

#include <cstdint>
#include <string>

#include "lib/netlink/address.h"

namespace overlay {

struct SubnetFile {
  netlink::Prefix network;
  netlink::Prefix subnet;
  std::uint32_t mtu = 0;
  bool ip_masquerade = false;

  std::string text() const;
};

// Atomically: a reader sees the whole of it or nothing. Makes the folder; changes nothing where the file holds the same
// text, and returns whether it did.
bool write_subnet_file(const std::string& path, const SubnetFile& contents);

}  // namespace overlay
