// A running lab is brought to another topology, step by step, so that calls are answered meanwhile. What does not
// differ is not touched.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "labctl/plan/difference.h"
#include "labctl/supervisor/lab.h"

namespace supervisor {

class Reconfiguration {
 public:
  struct Callbacks {
    std::function<void(const std::string& what)> done;  // "alice: route 10.0.0.0/8 created"
    // WHY is empty where all was done; NOT_DONE are the steps that were not.
    std::function<void(const std::string& why, const std::vector<std::string>& not_done)> ended;
  };

  // LAB must outlive it.
  Reconfiguration(Lab& lab, plan::Description before, plan::Description after, plan::Difference difference,
                  Callbacks callbacks);
  Reconfiguration(const Reconfiguration&) = delete;
  Reconfiguration& operator=(const Reconfiguration&) = delete;

  void start();

 private:
  using Finished = std::function<void(const std::string& failure)>;
  struct Step {
    std::string text;                    // empty: not worth a word
    std::vector<std::string> completes;  // the identities of what is done with it
    std::function<void(const Finished&)> run;
  };

  void add_step(std::string text, std::vector<std::string> completes, std::function<void()> run);
  void add_steps();
  void stop_processes();
  void remove_nodes();
  void undo_operations();
  void do_operations();
  void restore_what_went_along();
  void add_processes();
  void change_manifests();
  void wait_for_processes();
  std::vector<std::string> identities_of(const std::string& node) const;
  void run_next();
  void finished(const std::string& failure);

  Lab& lab_;
  plan::Description before_;
  plan::Description after_;
  plan::Difference difference_;
  Callbacks callbacks_;
  std::vector<Step> steps_;
  std::size_t next_ = 0;
  std::vector<std::string> done_;
};

}  // namespace supervisor
