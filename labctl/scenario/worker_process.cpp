#include "labctl/scenario/worker_process.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>

#include "labctl/lab/runtime.h"
#include "labctl/scenario/remains.h"
#include "labctl/scenario/texts.h"
#include "lib/base/error.h"
#include "lib/base/process.h"
#include "lib/kube/objects.h"

namespace scenario {
namespace {

std::map<std::string, std::string> our_environment() {
  std::map<std::string, std::string> environment;
  for (char** it = environ; *it != nullptr; ++it) {
    std::string variable = *it;
    size_t equals = variable.find('=');
    if (equals != std::string::npos) environment[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  return environment;
}

}  // namespace

WorkerProcess::WorkerProcess(const std::vector<std::string>& command, Job job)
    : job_(std::move(job)),
      errors_(base::check_system("make a file in memory", ::memfd_create("errors", MFD_CLOEXEC))) {
  base::Pipe input = base::make_pipe(), output = base::make_pipe();
  base::Program program;
  program.arguments = command;
  program.environment = our_environment();
  program.working_directory = std::filesystem::current_path();
  program.input = input.read_end.get();
  program.output = output.write_end.get();
  program.error = errors_.get();
  process_ = base::start_program(program);
  output_ = std::move(output.read_end);
  // A job fits into the pipe: this does not wait for the worker.
  base::write_all(input.write_end.get(), boost::json::serialize(to_json(job_)));
}

WorkerProcess::~WorkerProcess() {
  abandon();
}

bool WorkerProcess::read(const std::function<void(const boost::json::object&)>& on_event) {
  char piece[65536];
  ssize_t count = ::read(output_.get(), piece, sizeof piece);
  if (count < 0 && errno == EINTR) return true;
  if (count <= 0) return false;
  buffer_.append(piece, static_cast<size_t>(count));
  for (size_t end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n')) {
    std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    take(line, on_event);
  }
  return true;
}

void WorkerProcess::take(const std::string& line, const std::function<void(const boost::json::object&)>& on_event) {
  boost::system::error_code failure;
  boost::json::value parsed = boost::json::parse(line, failure);
  if (failure || !parsed.is_object()) return;
  const boost::json::object& event = parsed.as_object();
  std::string kind = kube::text_at(event, "event");
  if (kind == "step begins") under_way_ = fmt::format("in step {}", steps_.size() + 1);
  if (kind == "step ended") steps_.push_back(parse_step_result(kube::object_at(event, "step")));
  if (kind == "up" || kind == "result") so_far_ = parse_run_result(kube::object_at(event, "run"));
  if (kind == "result") complete_ = true;
  on_event(event);
}

RunResult WorkerProcess::finish() {
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  if (!complete_) fill_in_for_a_dead_worker(base::exit_code_of(status));
  if (!so_far_.kept) end_lab();
  return so_far_;
}

void WorkerProcess::fill_in_for_a_dead_worker(int exit_code) {
  so_far_.path = job_.path;
  so_far_.lab = job_.lab;
  so_far_.repetition = job_.repetition;
  so_far_.steps = steps_;
  so_far_.outcome = RunResult::Outcome::failed;
  ::lseek(errors_.get(), 0, SEEK_SET);
  std::string words = last_lines(base::read_all(errors_.get()), 20);
  so_far_.why = fmt::format("labctl itself ended with exit code {} {}{}{}", exit_code, under_way_,
                            words.empty() ? "" : ": ", words);
  lab::LabFolder folder = lab::lab_folder(job_.lab);
  if (job_.folder.empty() || !std::filesystem::exists(folder.path)) return;
  save_logs(folder, job_.folder);
  so_far_.folder = job_.folder;
  save_result(so_far_);
}

void WorkerProcess::abandon() {
  if (process_ <= 0) return;
  ::kill(process_, SIGTERM);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  end_lab();
}

void WorkerProcess::end_lab() {
  lab::LabFolder folder = lab::lab_folder(job_.lab);
  if (std::filesystem::exists(folder.path)) lab::end_lab(folder);
}

}  // namespace scenario
