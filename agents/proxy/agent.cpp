#include "agents/proxy/agent.h"

#include <algorithm>

namespace proxy {
namespace {

// What is not there by then is worth a line.
constexpr std::chrono::milliseconds first_complaint{1000};

}  // namespace

Agent::Agent(boost::asio::io_context& loop, const Options& options, std::unique_ptr<Mode> mode, std::ostream& log)
    : options_(options),
      log_(log),
      mode_(std::move(mode)),
      client_(loop, options.master, "kube-proxy"),
      cluster_(client_, options_, log),
      health_checks_(loop, log),
      healthz_(loop, options_.healthz_address, options_.sync_period, log),
      addresses_(loop, [this] { schedule(); }),
      next_sync_(loop),
      period_(loop) {
  cluster_.start([this] { schedule(); });
  verify_periodically();
}

// At once where the last time is long enough ago; changes that come together are programmed together.
void Agent::schedule() {
  if (scheduled_ || !cluster_.complete()) return;
  scheduled_ = true;
  next_sync_.expires_at(std::max(Clock::now(), last_sync_ + options_.min_sync_period));
  next_sync_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) sync(false);
  });
}

void Agent::sync(bool verify) {
  scheduled_ = false;
  next_sync_.cancel();
  ClusterView view = cluster_.view();
  bool done = mode_->sync(view, verify);
  health_checks_.update(health_checks(view.ports.begin()->second));
  last_sync_ = Clock::now();
  if (done) healthz_.programmed(cluster_.newest_version());
  if (done && !synced_) log_ << "proxy: services of " << options_.master << " are programmed" << std::endl;
  synced_ = synced_ || done;
}

// Repairs what somebody else has changed, and takes away servers whose last connection has ended.
void Agent::verify_periodically() {
  period_.expires_after(cluster_.complete() ? options_.sync_period : std::min(options_.sync_period, first_complaint));
  period_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled) return;
    if (cluster_.complete()) {
      sync(true);
    } else {
      tell_what_is_missing();
    }
    verify_periodically();
  });
}

void Agent::tell_what_is_missing() {
  std::string missing = cluster_.missing();
  if (missing != told_missing_) log_ << "proxy: waiting for " << missing << std::endl;
  told_missing_ = missing;
}

}  // namespace proxy
