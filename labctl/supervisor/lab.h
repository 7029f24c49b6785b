// The running lab: its nodes, pods and processes, from the plan to the end.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "labctl/plan/difference.h"
#include "labctl/plan/plan.h"
#include "labctl/supervisor/apply.h"
#include "labctl/supervisor/events.h"
#include "labctl/supervisor/pods.h"
#include "labctl/supervisor/processes.h"
#include "labctl/supervisor/reaper.h"

namespace supervisor {

class NodeApi;
class Faults;
class Reconfiguration;

// Addresses and names, as /etc/hosts has them.
Hosts hosts_of(const plan::Plan& plan);

class Lab {
 public:
  // BUNDLE is described at kernel::LabSpec. Throws topology::InvalidTopology or base::Error; touches nothing yet.
  Lab(boost::asio::io_context& loop, boost::json::object bundle);
  ~Lab();
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  using Done = std::function<void(const std::string& failure)>;

  struct Callbacks {
    std::function<void(const std::string& phase, const std::string& message, double milliseconds)> progress;
    std::function<void()> ready;
    std::function<void(const std::string& why)> failed;
    std::function<void()> ended;
  };
  void start(Callbacks callbacks);
  void end();

  // Throw base::Error where there is no such node, or the kernel refuses.
  void kill_node(const std::string& name);
  // DONE is called once, when the node stands again and its processes have been started; with what went wrong, if
  // something did.
  void restart_node(const std::string& name, Done done);

  // What WANTED, {"topology": {"path", "text"}, "files", "mounts"} as in the bundle, would change. Throws
  // topology::InvalidTopology or base::Error.
  plan::Difference difference_to(const boost::json::object& wanted) const;
  // Brings the lab there, later. Throws base::Error where it cannot be done, or another one is under way.
  using Progress = std::function<void(const std::string& what)>;
  using Reconfigured = std::function<void(const std::string& why_not, const std::vector<std::string>& not_done)>;
  void reconfigure(const boost::json::object& wanted, Progress progress, Reconfigured ended);

  // The steps of a reconfiguration.
  Applier& applier() { return applier_; }
  void make(const plan::Operation& operation, const plan::Plan& plan);
  void remove_node(const std::string& name);
  void rebuild_node(const std::string& name, const plan::Plan& before, const plan::Plan& after, Done done);
  void change_manifests(const std::vector<plan::ManifestChange>& changes, const plan::Description& after,
                        const Done& done);
  void adopt(plan::Description now);

  // A node, or a pod by its full name, or by its own where only one namespace has it; nullptr where there is none.
  std::shared_ptr<Node> find_node(const std::string& name) const;
  Pod* find_pod(const std::string& name) const;

  boost::json::object to_json() const;
  boost::json::array nodes_to_json();
  boost::json::object node_to_json(Node& node);

  bool is_ready() const { return state_ == State::ready; }
  bool is_reconfiguring() const { return reconfiguration_ != nullptr; }
  void check_not_reconfiguring() const;

  // {"path", "text"}
  const boost::json::object& topology_text() const { return bundle_.at("topology").as_object(); }
  const plan::Plan& plan() const { return plan_; }
  boost::asio::io_context& loop() { return loop_; }
  Reaper& reaper() { return reaper_; }
  Events& events() { return events_; }
  Processes& processes() { return processes_; }
  Pods& pods() { return pods_; }
  Faults& faults() { return *faults_; }
  // The cables of NODE.
  std::vector<plan::CreateCable> cables_of(const std::string& node) const;

 private:
  enum class State { starting, ready, failed, stopping };

  using Operations = std::shared_ptr<const std::vector<plan::Operation>>;
  // Applies OPERATIONS from the one at NEXT on, piece by piece, so that calls are answered meanwhile.
  void apply_all(Operations operations, size_t next, Done done);
  void built();
  void fail(const std::string& why);
  void finish_phase(const std::string& phase, const std::string& message);
  plan::Description description() const { return {topology_, plan_, manifests_}; }
  plan::Description description_of(const boost::json::object& wanted) const;
  void check_ready() const;
  void serve_node(const std::string& node);
  void start_time_to_live();
  static Operations rebuilding_of(const plan::Plan& plan, const std::string& node);
  void kill(Node& node);
  void reconnect(const plan::CreateWire& wire, Node& old, const plan::Plan& before, const plan::Plan& after);

  boost::asio::io_context& loop_;
  boost::json::object bundle_;
  topology::Topology topology_;
  plan::Plan plan_;
  std::vector<boost::json::object> manifests_;
  Reaper reaper_;
  Events events_;
  Nodes nodes_;
  Applier applier_;
  std::set<std::string> restarting_;
  std::set<std::string> half_built_;  // nodes whose last rebuilding did not come to its end
  Processes processes_;
  Pods pods_;
  std::unique_ptr<Faults> faults_;
  std::map<std::string, std::unique_ptr<NodeApi>> node_apis_;
  boost::asio::steady_timer time_to_live_;
  std::unique_ptr<Reconfiguration> reconfiguration_;
  Callbacks callbacks_;
  State state_ = State::starting;
  std::string why_;
  std::string started_;
  std::chrono::steady_clock::time_point phase_start_;
  boost::json::array timings_;
};

}  // namespace supervisor
