// kube-proxy's ipvs mode: one virtual server per address and port of a Service, a dummy device that makes the addresses
// local, and iptables rules over IP sets for what IPVS does not do (masquerading, filtering).
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "agents/proxy/ipvs/linux_kernel.h"
#include "agents/proxy/ipvs/programmer.h"
#include "agents/proxy/mode.h"
#include "agents/proxy/report.h"
#include "agents/proxy/stale_connection_remover.h"

namespace proxy::ipvs {

class IpvsMode : public Mode {
 public:
  IpvsMode(const Options& options, std::ostream& log);

  bool sync(const ClusterView& cluster, bool verify) override;

 private:
  struct OneFamily {
    OneFamily(std::shared_ptr<KernelClients> clients, const Options& options, Family its_family, std::ostream& log);
    bool sync(const ClusterView& cluster, const Options& options, bool verify);

    Family family;
    LinuxKernel kernel;
    Programmer programmer;
    StaleConnectionRemover stale_connections;
    ReportLog log;
  };

  Options options_;
  std::vector<std::unique_ptr<OneFamily>> families_;
};

// Chains and jumps of the mode, whatever the Services are.
RuleSet skeleton();
// Whether the mode has been in this network namespace: its device stays while the agent does not run.
bool left_something();
// Of both families. Chains and jumps that KEPT has, too, stay.
void clean_up(const Options& options, const RuleSet& kept, std::ostream& log);
std::string describe(const Options& options, const ClusterView& cluster);

}  // namespace proxy::ipvs
