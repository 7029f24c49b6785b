// A kernel in memory that behaves as the real one where the programmer could tell: what is missing or there already is
// refused, a set that rules refer to cannot be destroyed, a virtual server takes its destinations with it.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "agents/proxy/ipvs/kernel.h"
#include "lib/base/error.h"

namespace proxy::ipvs {

class FakeKernel : public Kernel {
 public:
  using Key = netfilter::VirtualServiceKey;
  struct Server {
    netfilter::VirtualService service;
    std::map<Backend, netfilter::DestinationState> destinations;
  };

  // State, open to tests.
  std::map<std::string, netfilter::IptablesRules> tables;
  std::map<std::string, std::string> sysctls{{"net.ipv4.ip_forward", "0"},
                                             {"net.ipv4.vs.conntrack", "0"},
                                             {"net.ipv4.vs.expire_nodest_conn", "0"},
                                             {"net.ipv4.vs.expire_quiescent_template", "0"},
                                             {"net.ipv4.conf.all.arp_ignore", "0"},
                                             {"net.ipv4.conf.all.arp_announce", "0"}};
  std::vector<netlink::IpAddress> addresses_of_node;
  std::optional<std::set<netlink::IpAddress>> bound;
  std::map<std::string, std::set<std::string>> sets;
  std::map<Key, Server> servers;
  netfilter::IpvsTimeouts timeouts{900, 120, 300};

  // Everything that changed it, in order: "add server tcp 10.96.0.5:80".
  std::vector<std::string> writes;
  int reads = 0;
  std::string refused;  // writes that contain this text are refused

  Server& server(const std::string& key) {
    auto found = std::find_if(servers.begin(), servers.end(), [&](auto& one) { return one.first.to_string() == key; });
    if (found == servers.end()) throw base::Error("the test expects a virtual server " + key);
    return found->second;
  }
  // "10.244.1.2:8080 weight 1" for each destination.
  std::vector<std::string> destinations(const std::string& key) {
    std::vector<std::string> result;
    for (const auto& [backend, state] : server(key).destinations) {
      result.push_back(to_string(backend) + " weight " + std::to_string(state.destination.weight));
    }
    return result;
  }
  void set_connections(const std::string& key, const std::string& backend, std::uint32_t count) {
    for (auto& [place, state] : server(key).destinations) {
      if (to_string(place) == backend) state.inactive_connections = count;
    }
  }

  std::map<std::string, netfilter::IptablesRules> read_rules() override {
    ++reads;
    return tables;
  }
  std::optional<std::uint64_t> rules_fingerprint() override { return std::nullopt; }
  void restore_rules(const std::string& text) override {
    write("restore rules");
    std::string table;
    for (size_t begin = 0; begin < text.size();) {
      size_t end = text.find('\n', begin);
      restore_line(text.substr(begin, end - begin), table);
      begin = end + 1;
    }
  }

  std::optional<std::string> read_sysctl(const std::string& name) override {
    auto found = sysctls.find(name);
    return found == sysctls.end() ? std::nullopt : std::optional(found->second);
  }
  void write_sysctl(const std::string& name, const std::string& value) override {
    write("sysctl " + name + "=" + value);
    sysctls[name] = value;
  }

  std::vector<netlink::IpAddress> node_addresses() override { return addresses_of_node; }
  std::optional<std::set<netlink::IpAddress>> bound_addresses() override { return bound; }
  void create_device() override {
    write("create device");
    bound.emplace();
  }
  void delete_device() override {
    write("delete device");
    bound.reset();
  }
  void bind(const netlink::IpAddress& address) override {
    write("bind " + address.to_string());
    require(bound && bound->insert(address).second, EEXIST);
  }
  void unbind(const netlink::IpAddress& address) override {
    write("unbind " + address.to_string());
    require(bound && bound->erase(address) == 1, EADDRNOTAVAIL);
  }

  std::map<std::string, std::set<std::string>> read_sets() override {
    ++reads;
    return sets;
  }
  void create_set(const netfilter::IpSetDefinition& definition) override {
    write("create set " + definition.name);
    sets[definition.name];
  }
  void add_entries(const std::string& set, const std::vector<std::string>& entries) override {
    write("add to " + set + " " + joined(entries));
    require(sets.count(set) == 1, ENOENT);
    sets[set].insert(entries.begin(), entries.end());
  }
  void remove_entries(const std::string& set, const std::vector<std::string>& entries) override {
    write("remove from " + set + " " + joined(entries));
    require(sets.count(set) == 1, ENOENT);
    for (const std::string& entry : entries) sets[set].erase(entry);
  }
  void destroy_set(const std::string& set) override {
    write("destroy set " + set);
    for (const auto& [table, chains] : tables) {
      for (const auto& [chain, rules] : chains) {
        for (const std::string& rule : rules) {
          require(rule.find("--match-set " + set + " ") == std::string::npos, EBUSY);
        }
      }
    }
    sets.erase(set);
  }

  std::vector<netfilter::VirtualServiceState> read_servers() override {
    ++reads;
    std::vector<netfilter::VirtualServiceState> states;
    for (const auto& [key, one] : servers) {
      netfilter::VirtualServiceState& state = states.emplace_back();
      state.service = one.service;
      for (const auto& [backend, destination] : one.destinations) state.destinations.push_back(destination);
    }
    return states;
  }
  std::vector<netfilter::DestinationState> read_destinations(const Key& key) override {
    std::vector<netfilter::DestinationState> states;
    for (const auto& [backend, destination] : find(key).destinations) states.push_back(destination);
    return states;
  }
  void add_server(const netfilter::VirtualService& service) override {
    write("add server " + service.key.to_string());
    require(servers.try_emplace(service.key, Server{service, {}}).second, EEXIST);
  }
  void edit_server(const netfilter::VirtualService& service) override {
    write("edit server " + service.key.to_string());
    find(service.key).service = service;
  }
  void delete_server(const Key& key) override {
    write("delete server " + key.to_string());
    find(key);
    servers.erase(key);
  }
  void add_destination(const Key& key, const netfilter::Destination& destination) override {
    write("add destination " + destination.to_string() + " to " + key.to_string());
    netfilter::DestinationState state;
    state.destination = destination;
    require(find(key).destinations.try_emplace({destination.address, destination.port}, state).second, EEXIST);
  }
  void edit_destination(const Key& key, const netfilter::Destination& destination) override {
    write("edit destination " + destination.to_string() + " of " + key.to_string());
    auto found = find(key).destinations.find({destination.address, destination.port});
    require(found != find(key).destinations.end(), ENOENT);
    found->second.destination = destination;
  }
  void delete_destination(const Key& key, const netfilter::Destination& destination) override {
    write("delete destination " + destination.to_string() + " of " + key.to_string());
    require(find(key).destinations.erase({destination.address, destination.port}) == 1, ENOENT);
  }
  netfilter::IpvsTimeouts read_timeouts() override { return timeouts; }
  void write_timeouts(const netfilter::IpvsTimeouts& wanted) override {
    write("set timeouts");
    if (wanted.tcp != 0) timeouts.tcp = wanted.tcp;
    if (wanted.tcp_fin != 0) timeouts.tcp_fin = wanted.tcp_fin;
    if (wanted.udp != 0) timeouts.udp = wanted.udp;
  }

 private:
  void write(const std::string& what) {
    if (!refused.empty() && what.find(refused) != std::string::npos) throw base::Error::system(what, EPERM);
    writes.push_back(what);
  }
  void require(bool condition, int error_number) {
    if (!condition) throw base::Error::system(writes.back(), error_number);
  }
  Server& find(const Key& key) {
    auto found = servers.find(key);
    if (found == servers.end()) throw base::Error::system("find " + key.to_string(), ESRCH);
    return found->second;
  }
  static std::string joined(const std::vector<std::string>& entries) {
    std::string text;
    for (const std::string& entry : entries) text += (text.empty() ? "" : " ") + entry;
    return text;
  }
  void restore_line(const std::string& line, std::string& table) {
    if (line[0] == '*') table = line.substr(1);
    if (line[0] == ':') tables[table][line.substr(1, line.find(' ') - 1)].clear();
    if (line[0] != '-') return;
    size_t space = line.find(' ', 3);
    std::string chain = line.substr(3, space - 3);
    std::string rule = space == std::string::npos ? "" : line.substr(space + 1);
    std::vector<std::string>& rules = tables[table][chain];
    if (line[1] == 'A') rules.push_back(rule);
    if (line[1] == 'I') rules.insert(rules.begin(), rule);
    if (line[1] == 'D') rules.erase(std::find(rules.begin(), rules.end(), rule));
    if (line[1] == 'X') tables[table].erase(chain);
  }
};

}  // namespace proxy::ipvs
