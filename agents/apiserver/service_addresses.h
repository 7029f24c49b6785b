// ClusterIPs and node ports: allocated when a Service is created or changed, refused where taken.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agents/apiserver/status.h"
#include "lib/kube/objects.h"

namespace apiserver {

// An IPv4 or IPv6 prefix whose addresses are numbered from 0. IPv6 prefixes are used up to 2^32 addresses.
class AddressRange {
 public:
  // "10.108.0.0/16"; throws base::Error.
  explicit AddressRange(const std::string& cidr);
  const std::string& cidr() const { return cidr_; }
  bool is_ipv6() const { return ipv6_; }
  uint64_t size() const { return size_; }
  std::string address(uint64_t index) const;
  // The index, or -1 where it is not an address of the range.
  int64_t index_of(const std::string& address) const;

 private:
  std::string cidr_;
  bool ipv6_ = false;
  uint8_t base_[16] = {};
  uint64_t size_ = 0;
};

struct PortRange {
  // "30000-32767"; throws base::Error.
  static PortRange parse(const std::string& text);
  uint16_t first = 30000;
  uint16_t last = 32767;
  std::string text() const { return std::to_string(first) + "-" + std::to_string(last); }
};

class ServiceAddresses {
 public:
  ServiceAddresses(AddressRange addresses, PortRange ports);

  const AddressRange& range() const { return addresses_; }

  // Completes spec.clusterIP(s), ipFamilies, nodePorts and healthCheckNodePort of a Service that is about to be stored;
  // OLD is what is stored, or null. What is not asked for by value is chosen by the name, so that the same manifests
  // give the same addresses. Throws StatusError (422) where what is asked for is taken or out of range.
  void assign(Object& service, const Object* old) const;

  // Takes note of what a stored Service holds, or (null) that it is gone.
  void commit(const std::string& key, const Object* service);

 private:
  const char* family() const { return addresses_.is_ipv6() ? "IPv6" : "IPv4"; }
  void check_families(const Object& service, Faults& faults) const;
  void assign_cluster_ip(Object& service, const std::string& key, Faults& faults) const;
  void assign_node_ports(Object& service, const std::string& key, Faults& faults) const;
  void assign_health_check_port(Object& service, const std::string& key, Faults& faults) const;
  std::string free_address(const std::string& key, Faults& faults) const;
  uint16_t free_port(const std::string& key, const std::string& port_name,
                     const std::map<uint16_t, std::string>& also_taken) const;
  // Whether somebody other than KEY holds it.
  bool taken(uint16_t port, const std::string& key) const;

  AddressRange addresses_;
  PortRange ports_;
  void release(const std::string& key);

  std::map<std::string, std::string> address_owners_;
  std::map<uint16_t, std::string> port_owners_;
  struct Held {
    std::string address;
    std::vector<uint16_t> ports;
  };
  std::map<std::string, Held> held_;  // by key
};

}  // namespace apiserver
