// The connection table, through libnetfilter_conntrack.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/netfilter/protocol.h"
#include "lib/netlink/address.h"

struct nfct_handle;

namespace netfilter {

// One direction of a connection.
struct ConntrackTuple {
  netlink::IpAddress source;
  netlink::IpAddress destination;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};

struct ConntrackEntry {
  std::uint8_t protocol = 0;  // of the IP header
  ConntrackTuple original;
  ConntrackTuple reply;
  std::uint32_t mark = 0;
  std::uint32_t timeout_seconds = 0;
  std::string state;       // of TCP and SCTP: "ESTABLISHED"; empty for others
  bool replied = false;    // packets went both ways; else conntrack(8) says [UNREPLIED]
  bool assured = false;    // it is not dropped early when the table is full
  std::uint32_t uses = 0;  // references that the kernel holds
  // As conntrack(8) prints it: "tcp 6 431999 ESTABLISHED src=… [ASSURED] mark=0 use=1".
  std::string line;

  // "udp 10.0.0.2:4000 > 10.108.0.10:53, reply 10.244.1.2:53 > 10.0.0.2:4000"
  std::string to_string() const;
};

class Conntrack {
 public:
  // In the calling thread's network namespace, and stays there.
  Conntrack();
  ~Conntrack();
  Conntrack(const Conntrack&) = delete;
  Conntrack& operator=(const Conntrack&) = delete;

  std::vector<ConntrackEntry> list(int family = 2 /* AF_INET */);
  // Deletes the entries that SELECTED is true for; returns how many. One that ends meanwhile is no error.
  size_t remove_if(const std::function<bool(const ConntrackEntry&)>& selected, int family = 2);

 private:
  struct Close {
    void operator()(nfct_handle* handle) const;
  };
  std::unique_ptr<nfct_handle, Close> handle_;
};

}  // namespace netfilter
