// kube-proxy's iptables mode: a chain for each port of a Service, in which chance picks the chain of one endpoint,
// which translates the destination. The connection table keeps that choice, and turns the answers back.
#pragma once

#include <chrono>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "agents/proxy/iptables/desired.h"
#include "agents/proxy/linux_tables.h"
#include "agents/proxy/mode.h"
#include "agents/proxy/report.h"
#include "agents/proxy/rules.h"
#include "agents/proxy/stale_connection_remover.h"
#include "lib/netlink/socket.h"

namespace proxy::iptables {

class IptablesMode : public Mode {
 public:
  IptablesMode(const Options& options, std::ostream& log);

  bool sync(const ClusterView& cluster, bool verify) override;

 private:
  struct OneFamily {
    OneFamily(const Options& options, Family its_family, std::ostream& stream);
    bool sync(const ClusterView& cluster, const Options& options, netlink::Socket& routes, bool verify);
    void compare();

    Family family;
    LinuxTables tables;
    RuleProgrammer programmer;
    StaleConnectionRemover stale_connections;
    std::chrono::steady_clock::time_point last_full_comparison = std::chrono::steady_clock::now();
    ReportLog log;
  };

  Options options_;
  netlink::Socket routes_;
  std::vector<std::unique_ptr<OneFamily>> families_;
};

// Of both families. Chains and jumps that KEPT has, too, stay.
void clean_up(const Options& options, const RuleSet& kept, std::ostream& log);
std::string describe(const Options& options, const ClusterView& cluster);

}  // namespace proxy::iptables
