// How packets for the pods of another node get there. One file in backends/ for each way.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agents/overlay/lease.h"
#include "lib/netlink/socket.h"

namespace overlay {

// The link by which the nodes reach one another.
struct ExternalInterface {
  std::string name;
  std::uint32_t index = 0;
  std::uint32_t mtu = 0;
  std::vector<netlink::Prefix> addresses;  // IPv4

  static ExternalInterface read(netlink::Socket& socket, const std::string& name);
  const netlink::IpAddress& address() const { return addresses.front().address; }
};

// This node, as its backend needs to know it.
struct Self {
  ExternalInterface interface;
  netlink::Prefix network;  // of all pods of the cluster
  netlink::Prefix subnet;   // of the pods of this node
  netlink::IpAddress public_ip;
};

// What became of an attempt, line by line for the log.
struct Report {
  std::vector<std::string> changes;
  std::vector<std::string> failures;
};

class Backend {
 public:
  virtual ~Backend() = default;
  // As annotations have it.
  virtual const std::string& type() const = 0;
  virtual std::string data() const = 0;
  // Of pods, so that what is put around their packets still fits.
  virtual std::uint32_t mtu(const ExternalInterface& interface) const = 0;

  // Makes the kernel forward to PEERS and to nobody else, whatever it did before: it is the repair as well. What cannot
  // be done for one peer keeps no other from being reached. Throws base::Error where nothing can be done at all.
  virtual Report program(const Self& self, const std::vector<Lease>& peers) = 0;
  // Whether a change in the kernel (RTM_…) may have undone something of it.
  virtual bool is_concerned(nlmsghdr* change) const = 0;
};

struct BackendOptions {
  std::string node;              // its name
  std::string previous_data;     // what it announced before a restart
  std::uint32_t vni = 1;         // vxlan
  std::uint16_t vxlan_port = 0;  // vxlan; 0: the kernel's default, 8472
};

// The names that make_backend() knows, in words: "vxlan, udp, host-gw".
std::string backend_names();
// Throws base::Error for a backend that is not there. SOCKET and LOOP must outlive it.
std::unique_ptr<Backend> make_backend(const std::string& name, netlink::Socket& socket, boost::asio::io_context& loop,
                                      const BackendOptions& options);

}  // namespace overlay
