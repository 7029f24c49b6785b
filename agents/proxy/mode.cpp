#include "agents/proxy/mode.h"

#include "agents/proxy/ipvs/ipvs_mode.h"
#include "lib/base/error.h"

namespace proxy {
namespace {

void refuse_missing(ModeName mode) {
  if (mode == ModeName::ipvs) return;
  std::string name = mode == ModeName::iptables ? "iptables" : "nftables";
  throw base::Error("--proxy-mode=" + name + ": this proxy has no mode " + name + " yet")
      .with_mend("--proxy-mode=ipvs");
}

}  // namespace

std::unique_ptr<Mode> make_mode(const Options& options, std::ostream& log) {
  refuse_missing(options.mode);
  return std::make_unique<ipvs::IpvsMode>(options, log);
}

void clean_up(const Options& options, std::ostream& log) {
  refuse_missing(options.mode);
  ipvs::clean_up(options, log);
}

std::string describe(const Options& options, const ClusterView& cluster) {
  refuse_missing(options.mode);
  return ipvs::describe(options, cluster);
}

}  // namespace proxy
