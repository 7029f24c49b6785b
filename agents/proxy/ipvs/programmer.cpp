#include "agents/proxy/ipvs/programmer.h"

#include <fmt/format.h>

#include <algorithm>

#include "agents/proxy/ipvs/desired.h"
#include "agents/proxy/ipvs/sets.h"

namespace proxy::ipvs {
namespace {

using netfilter::Destination;
using netlink::IpAddress;

std::string owned(const std::string& owners) {
  return owners.empty() ? "" : " (" + owners + ")";
}

Destination destination(const Backend& backend, std::uint32_t weight) {
  Destination result;
  result.address = backend.address;
  result.port = backend.port;
  result.weight = weight;
  return result;
}

base::Error no_such_settings(const std::string& settings) {
  return base::Error("set" + settings + ": this kernel has no such sysctls here")
      .with_mend(
          "before Linux 6.10 IPVS shows them in the initial user namespace only: without them nothing is masqueraded; "
          "use a kernel of the lab's own");
}

}  // namespace

void SetProgrammer::add(const State& desired, Report& report) {
  for (const SetContents& set : desired.sets) {
    const std::string& name = set.definition.name;
    if (known_.count(name) == 0) {
      if (!report.change("created IP set " + name, [&] { kernel_.create_set(set.definition); })) continue;
      known_[name];
    }
    std::set<std::string>& known = known_[name];
    std::vector<std::string> missing;
    for (const auto& [entry, owners] : set.entries) {
      if (known.count(entry) == 0) missing.push_back(entry);
    }
    if (missing.empty() || !report.attempt([&] { kernel_.add_entries(name, missing); })) continue;
    for (const std::string& entry : missing) {
      report.changes.push_back("added " + entry + " to " + name + owned(set.entries.at(entry)));
    }
    known.insert(missing.begin(), missing.end());
  }
}

void SetProgrammer::remove(const State& desired, Report& report) {
  for (const SetContents& set : desired.sets) {
    const std::string& name = set.definition.name;
    std::vector<std::string> extra;
    for (const std::string& entry : known_[name]) {
      if (set.entries.count(entry) == 0) extra.push_back(entry);
    }
    if (extra.empty() || !report.attempt([&] { kernel_.remove_entries(name, extra); })) continue;
    for (const std::string& entry : extra) {
      report.changes.push_back("removed " + entry + " from " + name);
      known_[name].erase(entry);
    }
  }
}

void AddressProgrammer::add(const State& desired, Report& report) {
  if (!known_) {
    if (!report.change(std::string("created ") + device_name, [&] { kernel_.create_device(); })) return;
    known_.emplace();
  }
  for (const auto& [address, owners] : desired.addresses) {
    if (known_->count(address) != 0) continue;
    const IpAddress& wanted = address;
    std::string what = "bound " + address.to_string() + owned(owners);
    if (report.change(what, [&] { kernel_.bind(wanted); })) known_->insert(address);
  }
}

void AddressProgrammer::remove(const State& desired, Report& report) {
  if (!known_) return;
  for (const IpAddress& address : std::set<IpAddress>(*known_)) {
    if (desired.addresses.count(address) != 0) continue;
    if (report.change("unbound " + address.to_string(), [&] { kernel_.unbind(address); })) known_->erase(address);
  }
}

void ServerProgrammer::read(Family family) {
  known_.clear();
  for (const netfilter::VirtualServiceState& state : kernel_.read_servers()) {
    const netfilter::VirtualServiceKey& key = state.service.key;
    if (key.fwmark != 0 || family_of(key.address) != family) continue;
    Known& known = known_[key];
    known.service = state.service;
    for (const netfilter::DestinationState& one : state.destinations) {
      known.weights[{one.destination.address, one.destination.port}] = one.destination.weight;
    }
  }
}

ServerProgrammer::Known* ServerProgrammer::ensure_server(const VirtualServer& desired, Report& report) {
  const netfilter::VirtualServiceKey& key = desired.service.key;
  auto found = known_.find(key);
  bool is_new = found == known_.end();
  if (!is_new && found->second.service == desired.service) return &found->second;
  std::string what = (is_new ? "added virtual server " : "changed virtual server ") + key.to_string();
  bool done = report.change(what + owned(desired.owner), [&] {
    is_new ? kernel_.add_server(desired.service) : kernel_.edit_server(desired.service);
  });
  if (!done && is_new) return nullptr;
  Known& known = known_[key];
  if (done) known.service = desired.service;
  return &known;
}

void ServerProgrammer::set_weight(const VirtualServer& desired, Known& known, const Backend& backend,
                                  std::uint32_t weight, Report& report) {
  const netfilter::VirtualServiceKey& key = desired.service.key;
  bool is_new = known.weights.count(backend) == 0;
  std::string what = is_new ? "added" : weight == 0 ? "draining" : "took back";
  what += " " + to_string(backend) + " of " + key.to_string() + owned(desired.owner);
  bool done = report.change(what, [&] {
    is_new ? kernel_.add_destination(key, destination(backend, weight))
           : kernel_.edit_destination(key, destination(backend, weight));
  });
  if (done) known.weights[backend] = weight;
}

void ServerProgrammer::retire(const VirtualServer& desired, Known& known, bool verify, Report& report) {
  const netfilter::VirtualServiceKey& key = desired.service.key;
  bool gracefully = key.protocol == netfilter::Protocol::tcp;
  std::vector<Backend> unwanted;
  for (const auto& [backend, weight] : known.weights) {
    bool is_draining = gracefully && weight == 0 && !verify;
    if (desired.backends.count(backend) == 0 && !is_draining) unwanted.push_back(backend);
  }
  if (unwanted.empty()) return;
  std::set<Backend> in_use;
  bool read = !gracefully || report.attempt([&] {
    for (const netfilter::DestinationState& state : kernel_.read_destinations(key)) {
      if (state.active_connections + state.inactive_connections == 0) continue;
      in_use.insert({state.destination.address, state.destination.port});
    }
  });
  if (!read) return;
  for (const Backend& backend : unwanted) {
    if (in_use.count(backend) != 0) {
      if (known.weights[backend] != 0) set_weight(desired, known, backend, 0, report);
      continue;
    }
    std::string what = "removed " + to_string(backend) + " of " + key.to_string() + owned(desired.owner);
    bool done = report.change(what, [&] { kernel_.delete_destination(key, destination(backend, 0)); });
    if (done) known.weights.erase(backend);
  }
}

void ServerProgrammer::add(const State& desired, bool verify, Report& report) {
  for (const auto& [key, server] : desired.servers) {
    Known* known = ensure_server(server, report);
    if (known == nullptr) continue;
    for (const Backend& backend : server.backends) {
      auto found = known->weights.find(backend);
      // One that was draining and is wanted again gets its weight back and keeps its connections; kube-proxy deletes it
      // and adds it anew (kubernetes#117205).
      if (found == known->weights.end() || found->second != 1) set_weight(server, *known, backend, 1, report);
    }
    retire(server, *known, verify, report);
  }
}

bool ServerProgrammer::is_excluded(const IpAddress& address) const {
  return std::any_of(excluded_.begin(), excluded_.end(),
                     [&](const netlink::Prefix& range) { return range.contains(address); });
}

void ServerProgrammer::remove(const State& desired, Report& report) {
  for (auto known = known_.begin(); known != known_.end();) {
    const netfilter::VirtualServiceKey& key = known->first;
    bool stays = desired.servers.count(key) != 0 || is_excluded(key.address);
    bool deleted =
        !stays && report.change("removed virtual server " + key.to_string(), [&] { kernel_.delete_server(key); });
    known = deleted ? known_.erase(known) : std::next(known);
  }
}

Report Programmer::apply(const State& desired, bool verify) {
  Report report;
  bool verified = verify || !known_;
  pass(desired, verified, report);
  if (!report.failures.empty() && !verified) {
    // Somebody else may have changed what was remembered: once more, on what the kernel really holds.
    report.failures.clear();
    pass(desired, true, report);
  }
  known_ = report.failures.empty();
  return report;
}

// A packet must never find half of a Service: what marks and masquerades comes before the virtual server and the
// address that lead to it, and goes after them.
void Programmer::pass(const State& desired, bool verify, Report& report) {
  bool read = report.attempt([&] {
    addresses_.read();
    if (!verify) return;
    sets_.read();
    servers_.read(desired.family);
    rules_.verify();
  });
  if (!read) return;
  if (verify) {
    write_sysctls(desired, report);
    write_timeouts(desired, report);
  }
  sets_.add(desired, report);
  report.attempt([&] {
    for (const std::string& chain : rules_.apply(desired.rules)) report.changes.push_back("wrote rules: " + chain);
  });
  servers_.add(desired, verify, report);
  addresses_.add(desired, report);
  addresses_.remove(desired, report);
  servers_.remove(desired, report);
  sets_.remove(desired, report);
}

void Programmer::write_sysctls(const State& desired, Report& report) {
  std::string missing;
  for (const auto& [name, value] : desired.sysctls) {
    report.attempt([&, setting = name + "=" + value, name_ = name, value_ = value] {
      std::optional<std::string> present = kernel_.read_sysctl(name_);
      if (!present) missing += " " + setting;
      if (!present || present == value_) return;
      kernel_.write_sysctl(name_, value_);
      report.changes.push_back("set " + setting);
    });
  }
  if (!missing.empty()) report.failures.push_back(no_such_settings(missing).what());
}

void Programmer::write_timeouts(const State& desired, Report& report) {
  const netfilter::IpvsTimeouts& wanted = desired.timeouts;
  if (wanted.tcp + wanted.tcp_fin + wanted.udp == 0) return;
  report.attempt([&] {
    netfilter::IpvsTimeouts present = kernel_.read_timeouts();
    auto differs = [](std::uint32_t want, std::uint32_t have) { return want != 0 && want != have; };
    if (!differs(wanted.tcp, present.tcp) && !differs(wanted.tcp_fin, present.tcp_fin) &&
        !differs(wanted.udp, present.udp)) {
      return;
    }
    kernel_.write_timeouts(wanted);
    report.changes.push_back(fmt::format("set IPVS's timeouts to {} {} {} s", wanted.tcp, wanted.tcp_fin, wanted.udp));
  });
}

Report Programmer::remove_everything(Family family, const RuleSet& kept) {
  Settings settings;
  settings.family = family;
  State nothing = desired_state({}, {}, settings);
  Report report;
  known_ = false;
  // Rules first: a set that they refer to cannot be destroyed.
  report.attempt([&] { rules_.remove(without(nothing.rules, kept)); });
  report.attempt([&] { servers_.read(family); });
  servers_.remove(nothing, report);
  report.attempt([&] {
    if (kernel_.bound_addresses()) kernel_.delete_device();
  });
  for (const SetContents& set : nothing.sets) report.attempt([&] { kernel_.destroy_set(set.definition.name); });
  return report;
}

}  // namespace proxy::ipvs
