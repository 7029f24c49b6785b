// The kernel of the calling thread's network namespace.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agents/proxy/ipvs/kernel.h"
#include "agents/proxy/linux_tables.h"
#include "lib/netfilter/ipset/ipset.h"
#include "lib/netfilter/ipvs.h"
#include "lib/netlink/socket.h"

namespace proxy::ipvs {

// What both families of addresses use. Throws where the kernel lacks one of them, with the mend.
struct KernelClients {
  netlink::Socket routes;
  netfilter::Ipvs ipvs;
  netfilter::IpSets sets;
};

class LinuxKernel : public Kernel {
 public:
  LinuxKernel(std::shared_ptr<KernelClients> clients, Family family);

  // "iptables-legacy", and how IPVS is spoken to: for the log.
  std::string description() const;

  std::map<std::string, netfilter::IptablesRules> read_rules() override { return tables_.read_rules(); }
  void restore_rules(const std::string& text) override { tables_.restore_rules(text); }
  std::optional<std::uint64_t> rules_fingerprint() override { return tables_.rules_fingerprint(); }

  std::optional<std::string> read_sysctl(const std::string& name) override;
  void write_sysctl(const std::string& name, const std::string& value) override;

  std::vector<netlink::IpAddress> node_addresses() override;
  std::optional<std::set<netlink::IpAddress>> bound_addresses() override;
  void create_device() override;
  void delete_device() override;
  void bind(const netlink::IpAddress& address) override;
  void unbind(const netlink::IpAddress& address) override;

  std::map<std::string, std::set<std::string>> read_sets() override;
  void create_set(const netfilter::IpSetDefinition& definition) override { clients_->sets.create(definition); }
  void add_entries(const std::string& set, const std::vector<std::string>& entries) override {
    clients_->sets.add(set, entries);
  }
  void remove_entries(const std::string& set, const std::vector<std::string>& entries) override {
    clients_->sets.remove(set, entries);
  }
  void destroy_set(const std::string& set) override { clients_->sets.destroy(set); }

  std::vector<netfilter::VirtualServiceState> read_servers() override { return clients_->ipvs.list(); }
  std::vector<netfilter::DestinationState> read_destinations(const netfilter::VirtualServiceKey& key) override {
    return clients_->ipvs.list_destinations(key);
  }
  void add_server(const netfilter::VirtualService& service) override { clients_->ipvs.add_service(service); }
  void edit_server(const netfilter::VirtualService& service) override { clients_->ipvs.edit_service(service); }
  void delete_server(const netfilter::VirtualServiceKey& key) override { clients_->ipvs.delete_service(key); }
  void add_destination(const netfilter::VirtualServiceKey& key, const netfilter::Destination& one) override {
    clients_->ipvs.add_destination(key, one);
  }
  void edit_destination(const netfilter::VirtualServiceKey& key, const netfilter::Destination& one) override {
    clients_->ipvs.edit_destination(key, one);
  }
  void delete_destination(const netfilter::VirtualServiceKey& key, const netfilter::Destination& one) override {
    clients_->ipvs.delete_destination(key, one);
  }
  netfilter::IpvsTimeouts read_timeouts() override { return clients_->ipvs.timeouts(); }
  void write_timeouts(const netfilter::IpvsTimeouts& timeouts) override { clients_->ipvs.set_timeouts(timeouts); }

 private:
  std::shared_ptr<KernelClients> clients_;
  Family family_;
  LinuxTables tables_;
};

// Whether this kernel has the scheduler, tried with a virtual server at an address for documentation (RFC 5737), as
// kube-proxy does. Throws where it has not.
void probe_scheduler(netfilter::Ipvs& ipvs, const std::string& scheduler);

}  // namespace proxy::ipvs
