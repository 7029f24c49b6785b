// Everything that the ipvs mode asks of the kernel, for one family of addresses: the one seam to put a fake at.
// Errors: base::Error, naming what was being done to what.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agents/proxy/ipvs/state.h"
#include "agents/proxy/rules.h"
#include "lib/netfilter/ipset/ipset.h"
#include "lib/netfilter/ipvs.h"
#include "lib/netlink/address.h"

namespace proxy::ipvs {

class Kernel : public TablesInKernel {
 public:
  // Nothing where the kernel has no such setting.
  virtual std::optional<std::string> read_sysctl(const std::string& name) = 0;
  virtual void write_sysctl(const std::string& name, const std::string& value) = 0;

  // As NodeView has them.
  virtual std::vector<netlink::IpAddress> node_addresses() = 0;
  // Of kube-ipvs0; nothing where there is no such device.
  virtual std::optional<std::set<netlink::IpAddress>> bound_addresses() = 0;
  virtual void create_device() = 0;
  virtual void delete_device() = 0;
  virtual void bind(const netlink::IpAddress& address) = 0;
  virtual void unbind(const netlink::IpAddress& address) = 0;

  virtual std::map<std::string, std::set<std::string>> read_sets() = 0;
  virtual void create_set(const netfilter::IpSetDefinition& definition) = 0;
  virtual void add_entries(const std::string& set, const std::vector<std::string>& entries) = 0;
  virtual void remove_entries(const std::string& set, const std::vector<std::string>& entries) = 0;
  virtual void destroy_set(const std::string& set) = 0;

  virtual std::vector<netfilter::VirtualServiceState> read_servers() = 0;
  virtual std::vector<netfilter::DestinationState> read_destinations(const netfilter::VirtualServiceKey& key) = 0;
  virtual void add_server(const netfilter::VirtualService& service) = 0;
  virtual void edit_server(const netfilter::VirtualService& service) = 0;
  virtual void delete_server(const netfilter::VirtualServiceKey& key) = 0;
  virtual void add_destination(const netfilter::VirtualServiceKey& key, const netfilter::Destination& destination) = 0;
  virtual void edit_destination(const netfilter::VirtualServiceKey& key, const netfilter::Destination& destination) = 0;
  virtual void delete_destination(const netfilter::VirtualServiceKey& key,
                                  const netfilter::Destination& destination) = 0;
  virtual netfilter::IpvsTimeouts read_timeouts() = 0;
  virtual void write_timeouts(const netfilter::IpvsTimeouts& timeouts) = 0;
};

}  // namespace proxy::ipvs
