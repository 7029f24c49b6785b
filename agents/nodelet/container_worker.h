// One container of a pod: started, probed, restarted and ended.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agents/nodelet/back_off.h"
#include "agents/nodelet/event_recorder.h"
#include "agents/nodelet/node_api.h"
#include "agents/nodelet/pod_status.h"
#include "agents/nodelet/prober.h"
#include "agents/nodelet/termination.h"
#include "agents/nodelet/workload.h"
#include "lib/kube/objects.h"

namespace nodelet {

// What a container needs to know of its pod; the pod outlives it.
struct PodContext {
  boost::asio::io_context& loop;
  NodeApi& node_api;
  EventRecorder& recorder;
  const kube::Pod& pod;  // always the newest
  Place place;
  std::string key;  // "namespace/name"
  // Something about a container is different now. Never called from inside a call of the pod's.
  std::function<void()> changed;
  // The node API says things that do not fit what we know: have a look at what is there.
  std::function<void()> doubt;
};

class ContainerWorker : public std::enable_shared_from_this<ContainerWorker> {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Role { init, main };

  ContainerWorker(PodContext& context, kube::Container container, Role role);

  const ContainerStatus& status() const { return status_; }
  // A process may exist: running, or about to be.
  bool is_active() const { return starting_ || status_.state.running(); }
  // It has ended and will not be started again.
  bool is_finished() const { return status_.state.terminated() && !will_restart_; }
  bool has_failed_for_good() const { return is_finished() && status_.state.exit_code != 0; }

  // Starts it where it waits to be and its time has come; otherwise nothing.
  void ensure_started();
  // Ends it, and keeps it ended. Repeated calls may shorten the grace.
  void stop(std::chrono::seconds grace, const std::string& why);

  // What an earlier nodelet wrote about it.
  void remember(const ContainerStatus& earlier);
  // Takes over what an earlier nodelet has started: no restart where it still runs.
  void adopt(const RunningContainer& existing);
  // Nothing of it is left but what is remembered.
  void recall();
  // What the node API has of it now, null for nothing; known at AS_OF. For after a time without events.
  void reconcile(const RunningContainer* existing, Clock::time_point as_of);
  void take_exit(const std::string& id, int exit_code);
  // Its pod's namespaces are gone, and it with them.
  void lose();
  // For init containers of a pod that is made anew.
  void begin_anew();
  // The id that the node API knows it by; empty where it has none.
  const std::string& id() const { return status_.state.id; }

 private:
  void start(const Command& command);
  void refuse(const Refusal& refusal);
  void started(const RunningContainer& container);
  void start_failed(const Answer<RunningContainer>& answer);
  void count_run();
  void end(std::chrono::seconds grace, const std::string& why);
  void ended(int exit_code, const std::string& reason, const std::string& message = {});
  void restart_later(Clock::duration ran);
  bool restarts_after(int exit_code) const;

  void run_post_start();
  void post_start_ended(const Answer<CommandResult>& answer);
  void cancel_post_start();

  void begin_probes(Clock::duration ran);
  std::unique_ptr<Prober> make_prober(ProbeKind kind, const std::optional<kube::Probe>& probe, Clock::duration ran);
  void probe_state(ProbeKind kind, bool success);
  void end_probes();

  Subject subject() const;
  void wait_for(Clock::duration delay, std::function<void()> then);

  PodContext& context_;
  kube::Container container_;
  Role role_;
  ContainerStatus status_;
  BackOff back_off_;
  BackOff unreachable_back_off_{std::chrono::milliseconds(100), std::chrono::milliseconds(2000)};
  std::optional<ContainerStatus> remembered_;
  bool has_run_ = false;
  bool starting_ = false;
  bool due_ = true;  // to be started as soon as the pod lets it
  bool will_restart_ = true;
  bool stopping_ = false;  // for good
  std::chrono::seconds stop_grace_{0};
  std::string refused_;  // the reason that was told in an event
  Clock::time_point running_since_{};
  std::map<std::string, int> early_exits_;  // of containers whose start has not been answered yet
  std::shared_ptr<base::http::Call> post_start_;
  std::unique_ptr<Termination> termination_;
  std::unique_ptr<Prober> startup_, liveness_, readiness_;
  boost::asio::steady_timer timer_;
};

}  // namespace nodelet
