#include <signal.h>

#include "labctl/supervisor/effects.h"
#include "labctl/supervisor/lab.h"
#include "labctl/topology/faults.h"
#include "lib/base/error.h"

namespace supervisor {
namespace {

class KilledNode : public Effect {
 public:
  KilledNode(Lab& lab, std::string node) : lab_(lab), node_(std::move(node)) {}
  void heal(Done done) override { lab_.restart_node(node_, std::move(done)); }
  bool over() override {
    std::shared_ptr<Node> node = lab_.find_node(node_);
    return !node || !node->killed();
  }

 private:
  Lab& lab_;
  std::string node_;
};

class KilledProcess : public Effect {
 public:
  KilledProcess(Lab& lab, std::string process)
      : lab_(lab), process_(std::move(process)), killed_(lab_.processes().pid_of(process_)) {}
  void heal(Done done) override { lab_.processes().restart(process_, std::move(done)); }
  // Its end is heard of a moment after it was killed.
  bool over() override {
    pid_t now = lab_.processes().pid_of(process_);
    return now > 0 && now != killed_;
  }

 private:
  Lab& lab_;
  std::string process_;
  pid_t killed_;
};

}  // namespace

std::unique_ptr<Effect> kill(Lab& lab, const topology::Target& target) {
  const std::string& name = target.name.value;
  switch (target.kind) {
    case topology::Target::Kind::process: {
      auto effect = std::make_unique<KilledProcess>(lab, name);
      lab.processes().signal(name, SIGKILL);
      return effect;
    }
    case topology::Target::Kind::node:
      if (lab.find_pod(name) != nullptr) throw base::Error("\"" + name + "\" is a pod, not a node");
      lab.kill_node(name);
      return std::make_unique<KilledNode>(lab, name);
    case topology::Target::Kind::pod:
      break;
  }
  if (lab.find_pod(name) == nullptr) throw base::Error("no pod \"" + name + "\" in this lab");
  lab.kill_node(name);
  return nullptr;
}

}  // namespace supervisor
