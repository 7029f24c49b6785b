#include <signal.h>

#include <vector>

#include "labctl/supervisor/effects.h"
#include "labctl/supervisor/lab.h"
#include "lib/base/error.h"

namespace supervisor {
namespace {

class PausedProcess : public Effect {
 public:
  PausedProcess(Lab& lab, std::string process)
      : lab_(lab), process_(std::move(process)), paused_(lab_.processes().pid_of(process_)) {
    if (paused_ <= 0) throw base::Error(process_ + " does not run");
    ::kill(-paused_, SIGSTOP);
  }
  void heal(Done done) override {
    ::kill(-paused_, SIGCONT);
    done("");
  }
  bool over() override { return lab_.processes().pid_of(process_) != paused_; }

 private:
  Lab& lab_;
  std::string process_;
  pid_t paused_;  // and its process group: every process of the lab leads one
};

// A node with its pods, or a pod.
class PausedNodes : public Effect {
 public:
  explicit PausedNodes(std::vector<std::shared_ptr<Node>> nodes) : nodes_(std::move(nodes)) {
    for (const auto& node : nodes_) node->pause();
  }
  void heal(Done done) override {
    for (const auto& node : nodes_) node->resume();
    done("");
  }
  bool over() override { return nodes_.front()->killed(); }

 private:
  std::vector<std::shared_ptr<Node>> nodes_;
};

// A pod that has its node's network has no process namespace of its own.
class PausedContainers : public Effect {
 public:
  PausedContainers(Lab& lab, std::string pod) : lab_(lab), pod_(std::move(pod)) { signal(SIGSTOP); }
  void heal(Done done) override {
    signal(SIGCONT);
    done("");
  }
  bool over() override { return lab_.find_pod(pod_) == nullptr; }

 private:
  void signal(int signal) {
    for (auto& [id, container] : lab_.find_pod(pod_)->containers) lab_.pods().signal(container, signal);
  }

  Lab& lab_;
  std::string pod_;
};

std::shared_ptr<Node> running_node(Lab& lab, const std::string& name) {
  std::shared_ptr<Node> node = lab.find_node(name);
  if (!node) throw base::Error("no node \"" + name + "\" in this lab");
  if (node->killed()) throw base::Error("node " + name + " is killed, nothing runs in it");
  return node;
}

}  // namespace

std::unique_ptr<Effect> pause(Lab& lab, const topology::Target& target) {
  const std::string& name = target.name.value;
  if (target.kind == topology::Target::Kind::process) {
    if (!lab.processes().has(name)) throw base::Error("no process " + name + " in this lab");
    return std::make_unique<PausedProcess>(lab, name);
  }
  std::shared_ptr<Node> node = running_node(lab, name);
  if (Pod* pod = lab.find_pod(name); pod != nullptr && pod->host_network) {
    return std::make_unique<PausedContainers>(lab, pod->name);
  }
  std::vector<std::shared_ptr<Node>> nodes{node};
  for (Pod* pod : lab.pods().of_host(name)) {
    if (!pod->host_network) nodes.push_back(pod->node);
  }
  return std::make_unique<PausedNodes>(std::move(nodes));
}

}  // namespace supervisor
