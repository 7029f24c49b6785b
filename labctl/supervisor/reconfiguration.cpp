#include "labctl/supervisor/reconfiguration.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <map>
#include <set>

#include "labctl/plan/identity.h"
#include "labctl/supervisor/rulesets.h"
#include "lib/base/error.h"

namespace supervisor {

Reconfiguration::Reconfiguration(Lab& lab, plan::Description before, plan::Description after,
                                 plan::Difference difference, Callbacks callbacks)
    : lab_(lab),
      before_(std::move(before)),
      after_(std::move(after)),
      difference_(std::move(difference)),
      callbacks_(std::move(callbacks)) {
  add_steps();
}

void Reconfiguration::add_step(std::string text, std::vector<std::string> completes, std::function<void()> run) {
  steps_.push_back({std::move(text), std::move(completes), [run = std::move(run)](const Finished& finished) {
                      run();
                      finished("");
                    }});
}

void Reconfiguration::add_steps() {
  if (difference_.hosts) add_step("", {}, [this] { lab_.applier().set_hosts(hosts_of(after_.plan)); });
  stop_processes();
  remove_nodes();
  undo_operations();
  do_operations();
  restore_what_went_along();
  add_processes();
  change_manifests();
  wait_for_processes();
}

void Reconfiguration::stop_processes() {
  for (const plan::ProcessChange& it : difference_.processes) {
    if (it.after || difference_.is_done_with_node(it.before->node)) continue;
    std::string name = it.before->full_name();
    steps_.push_back(
        {"process " + name + " removed", {plan::identity_of(*it.before)}, [this, name](const Finished& finished) {
           lab_.processes().remove(name, [finished] { finished(""); });
         }});
  }
}

std::vector<std::string> Reconfiguration::identities_of(const std::string& node) const {
  std::vector<std::string> all;
  for (const plan::Plan* plan : {&before_.plan, &after_.plan}) {
    for (const plan::Operation& operation : plan->operations_of(node)) all.push_back(plan::identity_of(operation));
    for (const plan::Process& process : plan->processes) {
      if (process.node == node) all.push_back(plan::identity_of(process));
    }
  }
  return all;
}

void Reconfiguration::remove_nodes() {
  for (const std::string& node : difference_.removed_nodes) {
    std::vector<std::string> completes = identities_of(node);
    // The API server still knows it: change_manifests() tells it.
    std::erase(completes, "process nodelet@" + node);
    add_step("node " + node + " removed", std::move(completes), [this, node] { lab_.remove_node(node); });
  }
}

void Reconfiguration::undo_operations() {
  for (const plan::OperationChange& it : difference_.operations) {
    if (it.after || difference_.is_done_with_node(plan::node_of(*it.before))) continue;
    std::string identity = plan::identity_of(*it.before);
    add_step(plan::is_implied(*it.before) ? "" : identity + " removed", {identity},
             [this, operation = *it.before] { lab_.applier().undo(operation); });
  }
}

void Reconfiguration::do_operations() {
  std::map<std::string, const plan::OperationChange*> changes;
  for (const plan::OperationChange& it : difference_.operations) {
    if (it.after) changes[plan::identity_of(*it.after)] = &it;
  }
  for (const plan::Operation& operation : after_.plan.operations) {
    const std::string& node = plan::node_of(operation);
    std::string identity = plan::identity_of(operation);
    if (difference_.rebuilt_nodes.contains(node)) {
      if (!std::holds_alternative<plan::CreateNode>(operation)) continue;
      steps_.push_back({"node " + node + " restarted", identities_of(node), [this, node](const Finished& finished) {
                          lab_.rebuild_node(node, before_.plan, after_.plan, finished);
                        }});
      continue;
    }
    auto found = changes.find(identity);
    if (found == changes.end()) continue;
    if (const auto* ruleset = std::get_if<plan::LoadRuleset>(&operation)) {
      steps_.push_back({identity + " loaded", {identity}, [this, ruleset = *ruleset](const Finished& finished) {
                          load_ruleset(lab_.loop(), lab_.reaper(), *lab_.find_node(ruleset.node), ruleset, finished);
                        }});
      continue;
    }
    bool is_new = !found->second->before;
    std::string text = plan::is_implied(operation) ? "" : identity + (is_new ? " created" : " changed");
    add_step(text, {identity}, [this, change = *found->second] {
      if (change.before) return lab_.applier().change(*change.before, *change.after);
      lab_.make(*change.after, after_.plan);
    });
  }
}

void Reconfiguration::restore_what_went_along() {
  std::set<std::string> nodes, changed;
  for (const plan::OperationChange& it : difference_.operations) {
    if (it.after) changed.insert(plan::identity_of(*it.after));
    if (it.after || difference_.is_done_with_node(plan::node_of(*it.before))) continue;
    nodes.insert(plan::node_of(*it.before));
  }
  for (const plan::Operation& operation : after_.plan.operations) {
    bool is_kept = nodes.contains(plan::node_of(operation)) && !changed.contains(plan::identity_of(operation));
    if (!is_kept || !plan::may_go_with_another(operation)) continue;
    add_step("", {}, [this, operation] { lab_.applier().apply_unless_there(operation); });
  }
}

void Reconfiguration::add_processes() {
  for (const plan::ProcessChange& it : difference_.processes) {
    if (!it.after) continue;
    std::string identity = plan::identity_of(*it.after);
    bool with_node = difference_.is_done_with_node(it.after->node);
    std::string text = identity + (it.before ? " restarted with what it is now" : " started");
    bool rebuilt = difference_.rebuilt_nodes.contains(it.after->node);
    add_step(with_node ? "" : text, {identity}, [this, rebuilt, process = *it.after] {
      rebuilt ? lab_.processes().set(process) : lab_.processes().put(process);
    });
  }
  for (const auto& [node, why] : difference_.rebuilt_nodes) {
    for (const plan::Process& process : before_.plan.processes) {
      bool stays = std::any_of(after_.plan.processes.begin(), after_.plan.processes.end(),
                               [&](const plan::Process& it) { return it.full_name() == process.full_name(); });
      if (process.node != node || stays) continue;
      add_step("", {}, [this, name = process.full_name()] { lab_.processes().remove(name, [] {}); });
    }
    add_step("", {}, [this, node = node] { lab_.processes().start_node(node); });
  }
}

void Reconfiguration::wait_for_processes() {
  std::set<std::string> names;
  for (const plan::Process& process : after_.plan.processes) {
    if (difference_.rebuilt_nodes.contains(process.node)) names.insert(process.full_name());
  }
  for (const plan::ProcessChange& it : difference_.processes) {
    if (it.after) names.insert(it.after->full_name());
  }
  if (names.empty()) return;
  steps_.push_back({"processes ready", {}, [this, names](const Finished& finished) {
                      lab_.processes().wait_for(
                          names, [finished] { finished(""); }, finished);
                    }});
}

void Reconfiguration::change_manifests() {
  if (difference_.manifests.empty()) return;
  std::string text;
  std::vector<std::string> completes;
  for (const plan::ManifestChange& it : difference_.manifests) {
    const char* what = !it.before ? " created" : !it.after ? " removed" : " changed";
    text += (text.empty() ? "" : ", ") + it.name + what;
    if (it.name.starts_with("Node ")) completes.push_back("process nodelet@" + it.name.substr(5));
  }
  steps_.push_back({text, std::move(completes), [this](const Finished& finished) {
                      lab_.change_manifests(difference_.manifests, after_, finished);
                    }});
}

void Reconfiguration::start() {
  boost::asio::post(lab_.loop(), [this] { run_next(); });
}

void Reconfiguration::run_next() {
  if (next_ == steps_.size()) {
    lab_.adopt(std::move(after_));
    return callbacks_.ended("", {});
  }
  boost::asio::post(lab_.loop(), [this] {
    try {
      steps_[next_].run([this](const std::string& failure) { finished(failure); });
    } catch (const std::exception& error) {
      finished(error.what());
    }
  });
}

void Reconfiguration::finished(const std::string& failure) {
  const Step& step = steps_[next_];
  if (failure.empty()) {
    done_.insert(done_.end(), step.completes.begin(), step.completes.end());
    if (!step.text.empty()) callbacks_.done(step.text);
    ++next_;
    return run_next();
  }
  std::vector<std::string> not_done;
  for (std::size_t i = next_; i < steps_.size(); ++i) {
    if (!steps_[i].text.empty()) not_done.push_back(steps_[i].text);
  }
  before_.plan = plan::partly_done(before_.plan, after_.plan, done_);
  lab_.adopt(std::move(before_));
  callbacks_.ended(failure, not_done);
}

}  // namespace supervisor
