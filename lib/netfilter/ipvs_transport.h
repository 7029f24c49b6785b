// The seam between Ipvs and the kernel's two interfaces. Private to lib/netfilter.
#pragma once

#include <memory>
#include <vector>

#include "lib/netfilter/ipvs.h"

namespace netfilter {

class IpvsTransport {
 public:
  virtual ~IpvsTransport() = default;
  virtual std::string name() const = 0;
  virtual IpvsInfo info() = 0;
  virtual std::vector<VirtualServiceState> list_services() = 0;
  virtual std::vector<DestinationState> list_destinations(const VirtualServiceKey& service) = 0;
  virtual void add_service(const VirtualService& service) = 0;
  virtual void edit_service(const VirtualService& service) = 0;
  virtual void delete_service(const VirtualServiceKey& service) = 0;
  virtual void add_destination(const VirtualServiceKey& service, const Destination& destination) = 0;
  virtual void edit_destination(const VirtualServiceKey& service, const Destination& destination) = 0;
  virtual void delete_destination(const VirtualServiceKey& service, const Destination& destination) = 0;
  virtual IpvsTimeouts timeouts() = 0;
  virtual void set_timeouts(const IpvsTimeouts& timeouts) = 0;
  virtual void zero_counters() = 0;
  virtual void flush() = 0;
};

// Throws ENOENT where the kernel has no such generic netlink family.
std::unique_ptr<IpvsTransport> make_netlink_transport();
std::unique_ptr<IpvsTransport> make_socket_option_transport();

// 0x010201 → "1.2.1"
std::string version_text(std::uint32_t version);

}  // namespace netfilter
