// The event loop of the agent: when to program the kernel.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <ostream>

#include "agents/proxy/address_watch.h"
#include "agents/proxy/cluster.h"
#include "agents/proxy/health_checks.h"
#include "agents/proxy/healthz.h"
#include "agents/proxy/mode.h"
#include "agents/proxy/options.h"
#include "lib/kube/client.h"

namespace proxy {

class Agent {
 public:
  Agent(boost::asio::io_context& loop, const Options& options, std::unique_ptr<Mode> mode, std::ostream& log);

 private:
  using Clock = std::chrono::steady_clock;

  void schedule();
  void sync(bool verify);
  void verify_periodically();
  void tell_what_is_missing();

  const Options options_;
  std::ostream& log_;
  std::unique_ptr<Mode> mode_;
  kube::Client client_;
  Cluster cluster_;
  HealthCheckServers health_checks_;
  Healthz healthz_;
  AddressWatch addresses_;
  boost::asio::steady_timer next_sync_;
  boost::asio::steady_timer period_;
  Clock::time_point last_sync_;
  bool scheduled_ = false;
  bool synced_ = false;
  std::string told_missing_;
};

}  // namespace proxy
