// The graceful end of one container: its preStop, SIGTERM, and SIGKILL when its grace is over.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "agents/nodelet/node_api.h"
#include "lib/kube/objects.h"

namespace nodelet {

class Termination {
 public:
  using Clock = std::chrono::steady_clock;

  // Begins at once. CONTAINER and NODE_API must outlive it; it is to be destroyed when the container has exited.
  Termination(boost::asio::io_context& loop, NodeApi& node_api, const kube::Container& container, std::string pod,
              std::string container_id, std::chrono::seconds grace);

  // A later word on the grace counts where it ends sooner.
  void shorten(std::chrono::seconds grace);
  // Tells the container once more what it may have missed, after the node API was away.
  void repeat();

 private:
  enum class Step { pre_stop, terminating, killed };
  void run_pre_stop();
  void terminate();
  void kill_at_deadline();
  template <class Function>
  void at(Clock::time_point when, Function&& function);

  NodeApi& node_api_;
  const kube::Container& container_;
  std::string pod_;
  std::string id_;
  Clock::time_point deadline_;
  Step step_ = Step::pre_stop;
  std::shared_ptr<base::http::Call> pre_stop_;
  std::shared_ptr<boost::asio::steady_timer> timer_;
};

}  // namespace nodelet
