#include "agents/proxy/mode.h"

#include "agents/proxy/iptables/iptables_mode.h"
#include "agents/proxy/ipvs/ipvs_mode.h"
#include "lib/base/error.h"

namespace proxy {
namespace {

void refuse_missing(ModeName mode) {
  if (mode != ModeName::nftables) return;
  throw base::Error("--proxy-mode=nftables: this proxy has no mode nftables yet")
      .with_mend("--proxy-mode=ipvs or --proxy-mode=iptables");
}

std::unique_ptr<Mode> make(const Options& options, std::ostream& log) {
  if (options.mode == ModeName::iptables) return std::make_unique<iptables::IptablesMode>(options, log);
  return std::make_unique<ipvs::IpvsMode>(options, log);
}

void remove_what_another_mode_left(const Options& options, std::ostream& log) {
  if (options.mode == ModeName::ipvs) return iptables::clean_up(options, ipvs::skeleton(), log);
  if (ipvs::left_something()) ipvs::clean_up(options, iptables::skeleton(), log);
}

// Once the chosen mode serves, so that Services are reachable meanwhile, and chains that both modes have no longer lead
// to those that go. That costs runs of iptables-save, and waits for the first time that the kernel is compared anyway.
class SwitchedMode : public Mode {
 public:
  SwitchedMode(const Options& options, std::ostream& log) : options_(options), log_(log), mode_(make(options, log)) {}

  bool sync(const ClusterView& cluster, bool verify) override {
    bool done = mode_->sync(cluster, verify);
    if (!done || !verify || switched_) return done;
    try {
      remove_what_another_mode_left(options_, log_);
      switched_ = true;
    } catch (const base::Error& error) {
      log_ << "proxy: remove what another mode has left: " << error.what() << std::endl;
    }
    return switched_;
  }

 private:
  Options options_;
  std::ostream& log_;
  std::unique_ptr<Mode> mode_;
  bool switched_ = false;
};

}  // namespace

std::unique_ptr<Mode> make_mode(const Options& options, std::ostream& log) {
  refuse_missing(options.mode);
  return std::make_unique<SwitchedMode>(options, log);
}

void clean_up(const Options& options, std::ostream& log) {
  refuse_missing(options.mode);
  iptables::clean_up(options, {}, log);
  if (options.mode == ModeName::ipvs || ipvs::left_something()) ipvs::clean_up(options, {}, log);
}

std::string describe(const Options& options, const ClusterView& cluster) {
  refuse_missing(options.mode);
  return options.mode == ModeName::iptables ? iptables::describe(options, cluster) : ipvs::describe(options, cluster);
}

}  // namespace proxy
