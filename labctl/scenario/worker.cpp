#include <signal.h>
#include <sys/prctl.h>

#include <boost/json.hpp>

#include "labctl/scenario/run_one.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"
#include "lib/kube/objects.h"

namespace scenario {
namespace {

namespace json = boost::json;

class Speaker {
 public:
  explicit Speaker(int output) : output_(output) {}

  void say(const char* event, json::object object) {
    object["event"] = event;
    base::write_all(output_, json::serialize(object) + "\n");
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
  json::object object{{"path", job.path}, {"lab", job.lab},       {"memoryMiB", job.memory_mib},
                      {"keep", job.keep}, {"folder", job.folder}, {"repetition", job.repetition}};
  if (job.kernel) object["kernel"] = *job.kernel;
  return object;
}

Job parse_job(const json::object& object) {
  Job job;
  job.path = kube::text_at(object, "path");
  job.lab = kube::text_at(object, "lab");
  job.memory_mib = static_cast<unsigned>(kube::number_at(object, "memoryMiB"));
  job.keep = kube::flag_at(object, "keep");
  job.folder = kube::text_at(object, "folder");
  job.repetition = static_cast<unsigned>(kube::number_at(object, "repetition", 1));
  if (object.contains("kernel")) job.kernel = kube::text_at(object, "kernel");
  return job;
}

int run_worker(int input, int output) {
  // Nobody would end the lab that this process starts: whoever started it does.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  Job job = parse_job(json::parse(base::read_all(input)).as_object());
  Speaker speaker(output);
  RunResult result = run_one(job, speaker.progress());
  speaker.say("result", {{"run", to_json(result)}});
  return 0;
}

}  // namespace scenario
