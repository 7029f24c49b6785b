// Makes the kernel equal to a State with the fewest changes.
//
// It remembers what the kernel holds, so that an unchanged Service costs no system call; what is remembered is compared
// with the kernel when it is told to verify, and after every failure. What is right already is never touched:
// established connections survive a restart of the agent.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agents/proxy/ipvs/kernel.h"
#include "agents/proxy/ipvs/state.h"
#include "agents/proxy/report.h"
#include "agents/proxy/rules.h"

namespace proxy::ipvs {

class SetProgrammer {
 public:
  explicit SetProgrammer(Kernel& kernel) : kernel_(kernel) {}
  void read() { known_ = kernel_.read_sets(); }
  void add(const State& desired, Report& report);
  void remove(const State& desired, Report& report);

 private:
  Kernel& kernel_;
  std::map<std::string, std::set<std::string>> known_;
};

class AddressProgrammer {
 public:
  explicit AddressProgrammer(Kernel& kernel) : kernel_(kernel) {}
  void read() { known_ = kernel_.bound_addresses(); }
  void add(const State& desired, Report& report);
  void remove(const State& desired, Report& report);

 private:
  Kernel& kernel_;
  std::optional<std::set<netlink::IpAddress>> known_;
};

// Virtual servers and their destinations. A TCP destination that is no longer wanted gets the weight 0 and stays until
// its last connection has ended, which is looked for each time that it verifies; UDP and SCTP destinations go at once,
// as kube-proxy has it.
class ServerProgrammer {
 public:
  // Addresses in EXCLUDED belong to somebody else, whose servers are left alone.
  ServerProgrammer(Kernel& kernel, std::vector<netlink::Prefix> excluded)
      : kernel_(kernel), excluded_(std::move(excluded)) {}
  void read(Family family);
  void add(const State& desired, bool verify, Report& report);
  void remove(const State& desired, Report& report);

 private:
  struct Known {
    netfilter::VirtualService service;
    std::map<Backend, std::uint32_t> weights;
  };
  Known* ensure_server(const VirtualServer& desired, Report& report);
  void set_weight(const VirtualServer& desired, Known& known, const Backend& backend, std::uint32_t weight,
                  Report& report);
  void retire(const VirtualServer& desired, Known& known, bool verify, Report& report);
  bool is_excluded(const netlink::IpAddress& address) const;

  Kernel& kernel_;
  std::vector<netlink::Prefix> excluded_;
  std::map<netfilter::VirtualServiceKey, Known> known_;
};

class Programmer {
 public:
  Programmer(Kernel& kernel, std::vector<netlink::Prefix> excluded)
      : kernel_(kernel), rules_(kernel), sets_(kernel), servers_(kernel, std::move(excluded)), addresses_(kernel) {}

  Report apply(const State& desired, bool verify);
  // Takes away everything that a State of its family can hold. Sysctls stay, and chains and jumps that KEPT has, too.
  Report remove_everything(Family family, const RuleSet& kept = {});

 private:
  void pass(const State& desired, bool verify, Report& report);
  void write_sysctls(const State& desired, Report& report);
  void write_timeouts(const State& desired, Report& report);

  Kernel& kernel_;
  RuleProgrammer rules_;
  SetProgrammer sets_;
  ServerProgrammer servers_;
  AddressProgrammer addresses_;
  bool known_ = false;
};

}  // namespace proxy::ipvs
