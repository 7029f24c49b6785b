#include "agents/apiserver/service_addresses.h"

#include <arpa/inet.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <charconv>
#include <cstring>
#include <vector>

#include "lib/base/error.h"

namespace apiserver {
namespace {

namespace json = boost::json;

// FNV-1a: the choice must not change with the standard library.
uint64_t stable_hash(const std::string& text) {
  uint64_t hash = 14695981039346656037ull;
  for (unsigned char c : text) hash = (hash ^ c) * 1099511628211ull;
  return hash ^ (hash >> 29);
}

bool needs_cluster_ip(const Object& service) {
  return kube::text_at(service, "spec.type") != "ExternalName";
}

bool needs_node_ports(const Object& service) {
  std::string type = kube::text_at(service, "spec.type");
  if (type == "NodePort") return true;
  return type == "LoadBalancer" && kube::flag_at(service, "spec.allocateLoadBalancerNodePorts", true);
}

bool is_external(const Object& service) {
  std::string type = kube::text_at(service, "spec.type");
  return type == "NodePort" || type == "LoadBalancer";
}

// Where a load balancer asks each node whether it has endpoints of its own.
bool needs_health_check_port(const Object& service) {
  return kube::text_at(service, "spec.type") == "LoadBalancer" &&
         kube::text_at(service, "spec.externalTrafficPolicy") == "Local";
}

int64_t health_check_port(const Object& service) {
  return kube::number_at(service, "spec.healthCheckNodePort");
}

Object& spec_of(Object& service) {
  json::value& spec = service["spec"];
  if (!spec.is_object()) spec.emplace_object();
  return spec.get_object();
}

json::array& ports_of(Object& service) {
  json::value& ports = spec_of(service)["ports"];
  if (!ports.is_array()) ports.emplace_array();
  return ports.get_array();
}

bool same_port(const Object& left, const Object& right) {
  return kube::number_at(left, "port") == kube::number_at(right, "port") &&
         kube::text_at(left, "protocol", "TCP") == kube::text_at(right, "protocol", "TCP");
}

// Clients that know nothing of clusterIPs change clusterIP alone.
void keep_cluster_ip(Object& service, const Object& old) {
  Object& spec = spec_of(service);
  std::string address = kube::text_at(service, "spec.clusterIP");
  const json::array& addresses = kube::array_at(service, "spec.clusterIPs");
  if (address.empty() && addresses.empty()) {
    if (const auto* before = kube::find(old, "spec.clusterIP")) spec["clusterIP"] = *before;
    if (const auto* before = kube::find(old, "spec.clusterIPs")) spec["clusterIPs"] = *before;
  } else if (!address.empty() && address != kube::text_at(old, "spec.clusterIP") &&
             addresses == kube::array_at(old, "spec.clusterIPs")) {
    spec["clusterIPs"] = json::array{address};
  }
}

void keep_node_ports(Object& service, const Object& old) {
  std::vector<int64_t> used;
  for (const json::value& port : ports_of(service)) {
    if (port.is_object()) used.push_back(kube::number_at(port.get_object(), "nodePort"));
  }
  for (json::value& port : ports_of(service)) {
    if (!port.is_object() || kube::number_at(port.get_object(), "nodePort") != 0) continue;
    for (const json::value& before : kube::array_at(old, "spec.ports")) {
      if (!before.is_object() || !same_port(port.get_object(), before.get_object())) continue;
      int64_t node_port = kube::number_at(before.get_object(), "nodePort");
      if (node_port != 0 && std::find(used.begin(), used.end(), node_port) == used.end()) {
        port.get_object()["nodePort"] = node_port;
      }
    }
  }
}

// As the real server does: an update that leaves out what was allocated keeps it.
void keep_allocated(Object& service, const Object& old) {
  if (needs_cluster_ip(service) && needs_cluster_ip(old)) keep_cluster_ip(service, old);
  if (needs_node_ports(service) && needs_node_ports(old)) keep_node_ports(service, old);
  if (needs_health_check_port(service) && needs_health_check_port(old) && health_check_port(service) == 0) {
    spec_of(service)["healthCheckNodePort"] = health_check_port(old);
  }
}

// A type that has no addresses of a kind loses them, unless the user has just asked for them.
void drop_what_the_type_lacks(Object& service, const Object& old) {
  Object& spec = spec_of(service);
  if (!needs_cluster_ip(service) && needs_cluster_ip(old)) {
    for (const char* field : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"}) {
      spec.erase(field);
    }
  }
  if (!needs_health_check_port(service) && health_check_port(service) == health_check_port(old)) {
    spec.erase("healthCheckNodePort");
  }
  if (!is_external(service) && is_external(old)) spec.erase("externalTrafficPolicy");
  if (needs_node_ports(service) || !needs_node_ports(old)) return;
  for (json::value& port : ports_of(service)) {
    if (!port.is_object()) continue;
    int64_t node_port = kube::number_at(port.get_object(), "nodePort");
    for (const json::value& before : kube::array_at(old, "spec.ports")) {
      if (before.is_object() && kube::number_at(before.get_object(), "nodePort") == node_port) {
        port.get_object().erase("nodePort");
      }
    }
  }
}

void check_unchanged(const Object& service, const Object& old, Faults& faults) {
  bool checked = needs_health_check_port(service) && needs_health_check_port(old) && health_check_port(old) != 0;
  if (checked && health_check_port(service) != health_check_port(old)) {
    faults.invalid("spec.healthCheckNodePort", health_check_port(service), "field is immutable");
  }
  if (!needs_cluster_ip(service) || !needs_cluster_ip(old)) return;
  std::string before = kube::text_at(old, "spec.clusterIP"), after = kube::text_at(service, "spec.clusterIP");
  if (!before.empty() && before != after) {
    faults.invalid("spec.clusterIPs[0]", json::array{after}, "may not change once set");
  }
}

}  // namespace

AddressRange::AddressRange(const std::string& cidr) : cidr_(cidr) {
  size_t slash = cidr.find('/');
  std::string address = cidr.substr(0, slash);
  int prefix = -1;
  if (slash != std::string::npos) {
    std::from_chars(cidr.data() + slash + 1, cidr.data() + cidr.size(), prefix);
  }
  ipv6_ = address.find(':') != std::string::npos;
  int bits = ipv6_ ? 128 : 32;
  bool parsed = ::inet_pton(ipv6_ ? AF_INET6 : AF_INET, address.c_str(), base_) == 1;
  if (!parsed || prefix < 1 || prefix > bits) throw base::Error("\"" + cidr + "\" is not an address range");
  for (int bit = prefix; bit < bits; ++bit) base_[bit / 8] &= static_cast<uint8_t>(~(0x80 >> (bit % 8)));
  size_ = uint64_t{1} << std::min(bits - prefix, 32);
}

std::string AddressRange::address(uint64_t index) const {
  uint8_t bytes[16];
  std::memcpy(bytes, base_, sizeof bytes);
  int last = ipv6_ ? 15 : 3;
  for (int at = last; at > last - 4; --at, index >>= 8) bytes[at] |= static_cast<uint8_t>(index);
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(ipv6_ ? AF_INET6 : AF_INET, bytes, text, sizeof text);
  return text;
}

int64_t AddressRange::index_of(const std::string& address) const {
  uint8_t bytes[16] = {};
  if (::inet_pton(ipv6_ ? AF_INET6 : AF_INET, address.c_str(), bytes) != 1) return -1;
  int last = ipv6_ ? 15 : 3;
  uint64_t offset = 0;
  for (int at = 0; at <= last; ++at) {
    uint8_t difference = bytes[at] ^ base_[at];
    if (at <= last - 4 && difference != 0) return -1;
    if (at > last - 4) offset = offset << 8 | difference;
  }
  return offset < size_ && this->address(offset) == address ? static_cast<int64_t>(offset) : -1;
}

PortRange PortRange::parse(const std::string& text) {
  PortRange range;
  size_t dash = text.find('-');
  unsigned first = 0, last = 0;
  if (dash != std::string::npos) {
    std::from_chars(text.data(), text.data() + dash, first);
    std::from_chars(text.data() + dash + 1, text.data() + text.size(), last);
  }
  if (first == 0 || last < first || last > 65535) throw base::Error("\"" + text + "\" is not a port range");
  range.first = static_cast<uint16_t>(first);
  range.last = static_cast<uint16_t>(last);
  return range;
}

ServiceAddresses::ServiceAddresses(AddressRange addresses, PortRange ports)
    : addresses_(std::move(addresses)), ports_(ports) {}

void ServiceAddresses::assign(Object& service, const Object* old) const {
  std::string key = kube::key_of(service);
  if (old != nullptr) {
    drop_what_the_type_lacks(service, *old);
    keep_allocated(service, *old);
  }
  Faults faults;
  if (needs_cluster_ip(service)) {
    check_families(service, faults);
    assign_cluster_ip(service, key, faults);
  }
  if (old != nullptr) check_unchanged(service, *old, faults);
  if (needs_node_ports(service)) assign_node_ports(service, key, faults);
  if (needs_health_check_port(service)) assign_health_check_port(service, key, faults);
  faults.check(kind_of_collection("services"), kube::text_at(service, "metadata.name"));
}

// There are addresses of one family only. Headless Services without a selector have none, and may ask for anything.
void ServiceAddresses::check_families(const Object& service, Faults& faults) const {
  bool headless = kube::text_at(service, "spec.clusterIP") == "None";
  if (headless && kube::object_at(service, "spec.selector").empty()) return;
  if (kube::text_at(service, "spec.ipFamilyPolicy") == "RequireDualStack") {
    faults.invalid("spec.ipFamilyPolicy", "RequireDualStack", "this cluster is not configured for dual-stack services");
  }
  const json::array& families = kube::array_at(service, "spec.ipFamilies");
  for (size_t index = 0; index < families.size(); ++index) {
    std::string field = "spec.ipFamilies[" + std::to_string(index) + "]";
    if (families[index] != json::value(family())) {
      faults.invalid(field, families[index], "not configured on this cluster");
    } else if (index > 0 && families[index] == families[0]) {
      faults.duplicate(field, families[index]);
    }
  }
  const json::array& addresses = kube::array_at(service, "spec.clusterIPs");
  if (addresses.size() > 1) {
    faults.invalid("spec.clusterIPs", addresses, "this cluster is not configured for dual-stack services");
  }
}

void ServiceAddresses::assign_cluster_ip(Object& service, const std::string& key, Faults& faults) const {
  Object& spec = spec_of(service);
  std::string address = kube::text_at(service, "spec.clusterIP");
  const json::array& given = kube::array_at(service, "spec.clusterIPs");
  if (address.empty() && !given.empty() && given[0].is_string()) address = std::string(given[0].get_string());
  if (!given.empty() && given[0] != json::value(address)) {
    faults.invalid("spec.clusterIPs", given, "first value must match `clusterIP`");
  }
  if (address.empty()) {
    address = free_address(key, faults);
  } else if (address != "None") {
    auto fault = [&](const std::string& why) {
      faults.invalid("spec.clusterIPs", json::array{address}, "failed to allocate IP " + address + ": " + why);
    };
    auto owner = address_owners_.find(address);
    if (addresses_.index_of(address) < 0) {
      fault("the provided IP (" + address + ") is not in the valid range. The range of valid IPs is " +
            addresses_.cidr());
    } else if (owner != address_owners_.end() && owner->second != key) {
      fault("provided IP is already allocated");
    }
  }
  spec["clusterIP"] = address;
  spec["clusterIPs"] = json::array{address};
  if (!spec.contains("ipFamilies")) spec["ipFamilies"] = json::array{family()};
  if (!spec.contains("ipFamilyPolicy")) spec["ipFamilyPolicy"] = "SingleStack";
}

// The lower part of the range is left to those who ask for an address by value, as the real server does.
std::string ServiceAddresses::free_address(const std::string& key, Faults& faults) const {
  uint64_t usable = addresses_.is_ipv6() || addresses_.size() < 4 ? addresses_.size() : addresses_.size() - 1;
  uint64_t reserved = std::min<uint64_t>(std::max<uint64_t>(16, addresses_.size() / 16), 256);
  if (reserved >= usable) reserved = 1;
  uint64_t upper = usable - reserved;
  uint64_t start = upper == 0 ? 0 : stable_hash(key) % upper;
  for (uint64_t step = 0; step < upper; ++step) {
    std::string address = addresses_.address(reserved + (start + step) % upper);
    if (address_owners_.count(address) == 0) return address;
  }
  for (uint64_t index = 1; index < reserved; ++index) {
    std::string address = addresses_.address(index);
    if (address_owners_.count(address) == 0) return address;
  }
  faults.invalid("spec.clusterIPs", json::array{}, "failed to allocate a serviceIP: range is full");
  return {};
}

bool ServiceAddresses::taken(uint16_t port, const std::string& key) const {
  auto owner = port_owners_.find(port);
  return owner != port_owners_.end() && owner->second != key;
}

void ServiceAddresses::assign_node_ports(Object& service, const std::string& key, Faults& faults) const {
  json::array& ports = ports_of(service);
  // One number may serve several protocols of the same Service.
  std::map<uint16_t, std::string> mine;
  if (needs_health_check_port(service)) mine[static_cast<uint16_t>(health_check_port(service))] = "TCP UDP SCTP ";
  for (size_t index = 0; index < ports.size(); ++index) {
    if (!ports[index].is_object()) continue;
    Object& port = ports[index].get_object();
    int64_t number = kube::number_at(port, "nodePort");
    if (number == 0) continue;
    std::string field = "spec.ports[" + std::to_string(index) + "].nodePort";
    std::string protocols = mine[static_cast<uint16_t>(number)];
    std::string protocol = kube::text_at(port, "protocol", "TCP");
    if (number < ports_.first || number > ports_.last) {
      faults.invalid(field, number,
                     "provided port is not in the valid range. The range of valid ports is " + ports_.text());
    } else if (taken(static_cast<uint16_t>(number), key)) {
      faults.invalid(field, number, "provided port is already allocated");
    } else if (protocols.find(protocol) != std::string::npos) {
      faults.duplicate(field, number);
    }
    mine[static_cast<uint16_t>(number)] += protocol + " ";
  }
  for (json::value& element : ports) {
    if (!element.is_object() || kube::number_at(element.get_object(), "nodePort") != 0) continue;
    Object& port = element.get_object();
    std::string name = std::to_string(kube::number_at(port, "port"));
    uint16_t number = free_port(key, name, mine);
    if (number == 0) {
      faults.invalid("spec.ports", nullptr, "failed to allocate a nodePort: range is full");
      return;
    }
    mine[number] += kube::text_at(port, "protocol", "TCP") + " ";
    port["nodePort"] = number;
  }
}

void ServiceAddresses::assign_health_check_port(Object& service, const std::string& key, Faults& faults) const {
  int64_t number = health_check_port(service);
  auto fault = [&](const std::string& why) {
    faults.invalid("spec.healthCheckNodePort", number,
                   "failed to allocate requested HealthCheck NodePort " + std::to_string(number) + ": " + why);
  };
  if (number == 0) {
    std::map<uint16_t, std::string> mine;
    for (const json::value& port : ports_of(service)) {
      if (port.is_object()) mine[static_cast<uint16_t>(kube::number_at(port.get_object(), "nodePort"))];
    }
    uint16_t found = free_port(key, "health check", mine);
    if (found == 0) return faults.invalid("spec.healthCheckNodePort", number, "failed to allocate: range is full");
    spec_of(service)["healthCheckNodePort"] = found;
  } else if (number < ports_.first || number > ports_.last) {
    fault("provided port is not in the valid range. The range of valid ports is " + ports_.text());
  } else if (taken(static_cast<uint16_t>(number), key)) {
    fault("provided port is already allocated");
  }
}

uint16_t ServiceAddresses::free_port(const std::string& key, const std::string& port_name,
                                     const std::map<uint16_t, std::string>& also_taken) const {
  uint64_t count = uint64_t{ports_.last} - ports_.first + 1;
  // As with addresses: the lower part is left to those who ask by number.
  uint64_t reserved = std::min<uint64_t>(std::max<uint64_t>(16, count / 32), 128);
  if (reserved >= count) reserved = 0;
  uint64_t upper = count - reserved;
  uint64_t start = stable_hash(key + ":" + port_name) % upper;
  for (uint64_t step = 0; step < count; ++step) {
    uint64_t index = step < upper ? reserved + (start + step) % upper : step - upper;
    auto port = static_cast<uint16_t>(ports_.first + index);
    if (port_owners_.count(port) == 0 && also_taken.count(port) == 0) return port;
  }
  return 0;
}

void ServiceAddresses::release(const std::string& key) {
  auto found = held_.find(key);
  if (found == held_.end()) return;
  address_owners_.erase(found->second.address);
  for (uint16_t port : found->second.ports) port_owners_.erase(port);
  held_.erase(found);
}

void ServiceAddresses::commit(const std::string& key, const Object* service) {
  release(key);
  if (service == nullptr) return;
  Held held;
  std::string address = kube::text_at(*service, "spec.clusterIP");
  if (address != "None") held.address = address;
  for (const json::value& port : kube::array_at(*service, "spec.ports")) {
    if (port.is_object()) held.ports.push_back(static_cast<uint16_t>(kube::number_at(port.get_object(), "nodePort")));
  }
  held.ports.push_back(static_cast<uint16_t>(kube::number_at(*service, "spec.healthCheckNodePort")));
  std::erase(held.ports, 0);
  if (!held.address.empty()) address_owners_[held.address] = key;
  for (uint16_t port : held.ports) port_owners_[port] = key;
  held_[key] = std::move(held);
}

}  // namespace apiserver
