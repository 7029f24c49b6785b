// Tries one probe of one running container, again and again, until it is destroyed.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "agents/nodelet/probe_attempt.h"
#include "agents/nodelet/probe_schedule.h"

namespace nodelet {

class Prober {
 public:
  struct Callbacks {
    // The thresholds have been reached: the state is this, as it may have been before.
    std::function<void(bool success)> on_state;
    // A failure that counts.
    std::function<void(const std::string& message)> on_failure;
  };

  // The container has been running for RAN. CONTAINER and NODE_API must outlive it.
  Prober(boost::asio::io_context& loop, NodeApi& node_api, ProbeKind kind, const kube::Probe& probe,
         const kube::Container& container, ProbeTarget target, ProbeSchedule::Duration ran, Callbacks callbacks);

 private:
  void try_after(ProbeSchedule::Duration delay);
  void take(const ProbeResult& result);

  boost::asio::io_context& loop_;
  NodeApi& node_api_;
  kube::Probe probe_;
  const kube::Container& container_;
  ProbeTarget target_;
  Callbacks callbacks_;
  ProbeSchedule schedule_;
  std::shared_ptr<void> attempt_;
  std::shared_ptr<boost::asio::steady_timer> timer_;  // its handler knows by it whether we are still there
};

}  // namespace nodelet
