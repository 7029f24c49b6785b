// A worker (run_one.h) seen from who started it.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <vector>

#include "labctl/scenario/run_one.h"
#include "lib/base/file_descriptor.h"

namespace scenario {

class WorkerProcess {
 public:
  // COMMAND is started with our environment and working directory, in a session of its own: Ctrl-C is ours to deal
  // with.
  WorkerProcess(const std::vector<std::string>& command, Job job);
  // Ends it, if it has not ended.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // Readable when there is something to read().
  int descriptor() const { return output_.get(); }
  // Hands over the events that have come. False once there will be no more.
  bool read(const std::function<void(const boost::json::object&)>& on_event);
  // Waits for its end, makes sure that its lab has ended with it, and says what became of the run.
  RunResult finish();
  // Ends worker and lab before their time.
  void abandon();

  const Job& job() const { return job_; }

 private:
  void take(const std::string& line, const std::function<void(const boost::json::object&)>& on_event);
  void fill_in_for_a_dead_worker(int exit_code);
  void end_lab();

  Job job_;
  base::FileDescriptor output_;
  base::FileDescriptor errors_;  // a file in memory
  pid_t process_ = -1;
  std::string buffer_;
  std::vector<StepResult> steps_;
  std::string under_way_ = "before its lab was up";
  RunResult so_far_;
  bool complete_ = false;
};

}  // namespace scenario
