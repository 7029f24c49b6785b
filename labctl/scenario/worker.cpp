#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <optional>

#include "labctl/lab/runtime.h"
#include "labctl/scenario/run_one.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"
#include "lib/base/utf8.h"
#include "lib/kube/objects.h"

namespace scenario {
namespace {

namespace json = boost::json;

// A handler can reach nothing else.
volatile sig_atomic_t lab_process = -1;

// With a lab's first process the kernel ends all of it.
void end_lab_and_self(int) {
  if (lab_process >= 0) ::syscall(SYS_pidfd_send_signal, static_cast<int>(lab_process), SIGKILL, nullptr, 0);
  ::_exit(128 + SIGTERM);
}

// A lab outlives who started it, unless this process is ended while it watches over it.
class LabWatch {
 public:
  explicit LabWatch(const std::string& lab) : process_(lab::lab_folder(lab).open_first_process()) {
    lab_process = process_.get();
    ::signal(SIGTERM, end_lab_and_self);
  }
  ~LabWatch() {
    ::signal(SIGTERM, SIG_DFL);
    lab_process = -1;
  }
  LabWatch(const LabWatch&) = delete;
  LabWatch& operator=(const LabWatch&) = delete;

 private:
  base::FileDescriptor process_;
};

class Speaker {
 public:
  explicit Speaker(int output) : output_(output) {}

  void say(const char* event, json::object object) {
    object["event"] = event;
    // What commands print may be anything.
    base::write_all(output_, base::valid_utf8(json::serialize(object)) + "\n");
  }

  Progress progress() {
    Progress progress;
    progress.phase = [this](const std::string& what) { say("phase", {{"what", what}}); };
    progress.up = [this](const RunResult& so_far) { say("up", {{"run", to_json(so_far)}}); };
    progress.step_begins = [this](const std::string& what) { say("step begins", {{"what", what}}); };
    progress.step_ended = [this](const StepResult& step) { say("step ended", {{"step", to_json(step)}}); };
    return progress;
  }

 private:
  int output_;
};

}  // namespace

json::object to_json(const Job& job) {
  json::object object{{"path", job.path},
                      {"lab", job.lab},
                      {"memoryMiB", job.memory_mib},
                      {"keep", job.keep},
                      {"versions", job.versions},
                      {"folder", job.folder},
                      {"repetition", job.repetition},
                      {"allowWritable", job.allow_writable}};
  if (job.kernel) object["kernel"] = *job.kernel;
  return object;
}

Job parse_job(const json::object& object) {
  Job job;
  job.path = kube::text_at(object, "path");
  job.lab = kube::text_at(object, "lab");
  job.memory_mib = static_cast<unsigned>(kube::number_at(object, "memoryMiB"));
  job.keep = kube::flag_at(object, "keep");
  job.versions = kube::flag_at(object, "versions");
  job.allow_writable = kube::flag_at(object, "allowWritable");
  job.folder = kube::text_at(object, "folder");
  job.repetition = static_cast<unsigned>(kube::number_at(object, "repetition", 1));
  if (object.contains("kernel")) job.kernel = kube::text_at(object, "kernel");
  return job;
}

int run_worker(int input, int output) {
  // Whoever started this process would end the lab; should it be killed, this process is to do it.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  Job job = parse_job(json::parse(base::read_all(input)).as_object());
  Speaker speaker(output);
  Progress progress = speaker.progress();
  std::optional<LabWatch> watch;
  progress.up = [&, say_so = progress.up](const RunResult& so_far) {
    if (!job.keep) watch.emplace(job.lab);
    say_so(so_far);
  };
  RunResult result = run_one(job, progress);
  watch.reset();
  speaker.say("result", {{"run", to_json(result)}});
  return 0;
}

}  // namespace scenario
