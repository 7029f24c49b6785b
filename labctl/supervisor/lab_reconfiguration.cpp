// How a running lab becomes another one.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>

#include "labctl/kernel/bundle.h"
#include "labctl/supervisor/faults.h"
#include "labctl/supervisor/lab.h"
#include "labctl/supervisor/node_api.h"
#include "labctl/supervisor/reconfiguration.h"
#include "labctl/supervisor/run_to_end.h"
#include "labctl/supervisor/source.h"
#include "lib/base/error.h"

namespace supervisor {
namespace {

// What kube-apply is given for its own conditions, and a little.
constexpr std::chrono::seconds longest_apply{70};

std::vector<std::tuple<std::string, std::string, bool>> mounts_of(const boost::json::object& bundle) {
  std::vector<std::tuple<std::string, std::string, bool>> mounts;
  for (const kernel::Mount& it : kernel::bundle_mounts(bundle)) mounts.emplace_back(it.source, it.target, it.writable);
  std::sort(mounts.begin(), mounts.end());
  return mounts;
}

}  // namespace

plan::Description Lab::description_of(const boost::json::object& wanted) const {
  plan::Description description;
  description.topology = read_topology(wanted);
  description.plan = plan::make_plan(description.topology, plan_.lab);
  description.manifests = plan::manifest_objects(description.topology, files_of(wanted));
  return description;
}

plan::Difference Lab::difference_to(const boost::json::object& wanted) const {
  plan::Difference difference = plan::difference(description(), description_of(wanted));
  if (difference.refusals.empty() && mounts_of(bundle_) != mounts_of(wanted)) {
    difference.refusals.emplace_back(
        "an agent's own program is in another folder: what a lab sees of the host is settled when it starts");
  }
  for (const std::string& node : half_built_) {
    if (!difference.is_done_with_node(node)) difference.rebuilt_nodes[node] = {"it was not built to its end"};
  }
  return difference;
}

void Lab::check_ready() const {
  if (!is_ready()) throw base::Error("lab " + plan_.lab + " is not ready");
}

void Lab::check_not_reconfiguring() const {
  if (!reconfiguration_) return;
  throw base::Error("another topology is being applied to lab " + plan_.lab).with_mend("try again when that is done");
}

void Lab::reconfigure(const boost::json::object& wanted, Progress progress, Reconfigured ended) {
  check_not_reconfiguring();
  check_ready();
  if (!restarting_.empty()) {
    throw base::Error("node " + *restarting_.begin() + " is being restarted").with_mend("try again when that is done");
  }
  plan::Difference difference = difference_to(wanted);
  std::string refusals;
  for (const std::string& why : difference.refusals) refusals += "\n  " + why;
  if (!refusals.empty()) {
    throw base::Error("this cannot be changed in a running lab:" + refusals)
        .with_mend("labctl down " + plan_.lab + ", then up");
  }
  auto done = [this, progress = std::move(progress)](const std::string& what) {
    events_.add("", "applied", what);
    progress(what);
  };
  auto all_done = [this, wanted, ended = std::move(ended)](const std::string& why_not,
                                                           const std::vector<std::string>& not_done) {
    if (why_not.empty()) {
      bundle_["topology"] = wanted.at("topology");
    } else {
      events_.add("", "failed", "apply: " + why_not);
    }
    ended(why_not, not_done);
    boost::asio::post(loop_, [this] {
      reconfiguration_.reset();
      faults_->heal_due();
    });
  };
  reconfiguration_ = std::make_unique<Reconfiguration>(
      *this, description(), description_of(wanted), std::move(difference), Reconfiguration::Callbacks{done, all_done});
  reconfiguration_->start();
}

void Lab::adopt(plan::Description now) {
  topology_ = std::move(now.topology);
  plan_ = std::move(now.plan);
  manifests_ = std::move(now.manifests);
}

void Lab::remove_node(const std::string& name) {
  std::shared_ptr<Node> node = nodes_.at(name);
  kill(*node);
  for (const plan::Operation& operation : plan_.operations_of(name)) {
    if (const auto* cable = std::get_if<plan::CreateCable>(&operation)) applier_.undo(*cable);
  }
  for (const plan::CreateWire& wire : plan_.wires_of(name)) applier_.undo(wire);
  for (const plan::Process& process : plan_.processes) {
    if (process.node == name) processes_.remove(process.full_name(), [] {});
  }
  node_apis_.erase(name);
  half_built_.erase(name);
  applier_.undo(plan::CreateNode{name});
  events_.add("", "removed", "node " + name);
}

// kube-apply runs on the control plane, and finds both lists on its disk.
void Lab::change_manifests(const std::vector<plan::ManifestChange>& changes, const plan::Description& after,
                           const Done& done) {
  std::vector<boost::json::object> changed, removed;
  for (const plan::ManifestChange& it : changes)
    (it.after ? changed : removed).push_back(it.after ? *it.after : *it.before);
  write_list(plan::manifests_file, after.manifests);
  const std::string folder = plan::disk_folder;
  write_list(folder + "/changed.json", changed);
  write_list(folder + "/removed.json", removed);
  std::vector<std::string> command{std::string(plan::libexec_folder) + "/kube-apply",
                                   "--api",
                                   plan_.api,
                                   "--wait",
                                   "deployments",
                                   "--remove",
                                   folder + "/removed.json",
                                   folder + "/changed.json"};
  run_to_end(loop_, reaper_, *nodes_.at(plan_.control_plane), std::move(command), longest_apply,
             [done](const CommandOutcome& outcome) {
               if (outcome.exit_code == 0) return done("");
               done(outcome.exit_code < 0 ? "kube-apply took too long: " + outcome.output : outcome.output);
             });
}

}  // namespace supervisor
