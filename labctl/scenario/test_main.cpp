#include "labctl/scenario/test_main.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>

#include "labctl/lab/start.h"
#include "labctl/scenario/discovery.h"
#include "labctl/scenario/report.h"
#include "labctl/scenario/run_printer.h"
#include "labctl/scenario/worker_process.h"
#include "lib/base/error.h"

namespace scenario {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr unsigned default_memory_mib = 1024;  // that of kernel::LabSpec

// The folder for what failures leave. Made by the first that leaves something; nobody can have made it before.
fs::path remains_folder(const std::string& wanted) {
  if (!wanted.empty()) return fs::absolute(wanted);
  const char* temporary = std::getenv("TMPDIR");
  std::random_device random;
  return fs::path(temporary != nullptr && *temporary == '/' ? temporary : "/tmp") /
         fmt::format("labctl-test-{:08x}{:08x}", random(), random());
}

// "nodeport-t4f2-3": from the file's name, this process and the number of the run. At most 32 characters.
std::string lab_name(const std::string& path, size_t number) {
  std::string name;
  for (char c : fs::path(path).stem().string()) {
    bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    if (name.size() < 18) name += good ? c : '-';
  }
  if (name.empty() || name.front() == '-') name.insert(0, "t");
  return fmt::format("{}-{:x}-{}", name, ::getpid(), number);
}

std::uint64_t available_memory_mib() {
  std::ifstream file("/proc/meminfo");
  for (std::string word; file >> word;) {
    std::uint64_t kib = 0;
    if (word == "MemAvailable:" && file >> kib) return kib / 1024;
  }
  return 0;
}

class TestRun {
 public:
  TestRun(const TestOptions& options, std::ostream& out, std::ostream& err, int interrupt)
      : options_(options),
        out_(out),
        err_(err),
        people_(options.json ? err : out),
        interrupt_(interrupt),
        remains_(remains_folder(options.output)) {}

  int run() {
    Clock::time_point begin = Clock::now();
    make_jobs();
    if (waiting_.empty()) {
      err_ << "labctl: nothing to test: no topology" +
                  (options_.filter.empty() ? "" : " has \"" + options_.filter + "\"") + "\n";
      return kNothingToTest;
    }
    open_junit();
    parallel_ = count_of_workers();
    bool interrupted = !run_all();
    Duration took = std::chrono::duration_cast<Duration>(Clock::now() - begin);
    report(took);
    return interrupted ? 130 : exit_code_of(ended());
  }

 private:
  struct Running {
    Running(const TestOptions& options, Job job, size_t place, std::ostream* shown)
        : printer(shown != nullptr ? *shown : text, shown != nullptr && options.on_terminal),
          worker(options.worker, std::move(job)),
          number(place) {}
    std::ostringstream text;  // what is shown at the end, where several run at a time
    RunPrinter printer;
    WorkerProcess worker;
    size_t number;
  };

  void make_jobs() {
    std::vector<std::string> paths = find_topologies(options_.paths, options_.filter);
    for (const std::string& path : paths) {
      for (unsigned repetition = 1; repetition <= options_.repeat; ++repetition) {
        Job job;
        job.path = path;
        job.lab = lab_name(path, waiting_.size() + 1);
        job.kernel = options_.kernel;
        job.memory_mib = options_.memory_mib;
        job.allow_writable = options_.allow_writable;
        job.keep = options_.keep;
        job.versions = options_.json || !options_.junit.empty();
        job.folder = remains_ / job.lab;
        job.repetition = repetition;
        waiting_.push_back(std::move(job));
      }
    }
    results_.resize(waiting_.size());
  }

  // At once, so that a place that cannot be written is known before everything has run.
  void open_junit() {
    if (options_.junit.empty()) return;
    junit_.open(options_.junit, std::ios::binary | std::ios::trunc);
    if (!junit_) throw lab::BadInput(base::Error::system("write " + options_.junit));
  }

  // An embedded kernel takes memory of its own; which of the labs will have one is not known yet.
  size_t count_of_workers() {
    size_t wanted = std::min<size_t>(std::max(options_.jobs, 1u), waiting_.size());
    if (options_.kernel == "host") return wanted;
    std::uint64_t each = options_.memory_mib != 0 ? options_.memory_mib : default_memory_mib;
    size_t room = std::max<size_t>(1, available_memory_mib() / each);
    if (room < wanted) {
      err_ << fmt::format("labctl: {} at a time: there is memory for no more kernels of {} MiB\n", room, each);
    }
    return std::min(wanted, room);
  }

  // False where it was interrupted.
  bool run_all() {
    while (!waiting_.empty() || !running_.empty()) {
      while (!waiting_.empty() && running_.size() < parallel_) start_next();
      if (!wait_for_events()) {
        people_ << "\nlabctl: interrupted: bringing down what runs\n" << std::flush;
        for (auto& it : running_) it->worker.abandon();
        running_.clear();
        return false;
      }
    }
    return true;
  }

  void start_next() {
    size_t number = results_.size() - waiting_.size();
    running_.push_back(
        std::make_unique<Running>(options_, waiting_.front(), number, parallel_ == 1 ? &people_ : nullptr));
    waiting_.pop_front();
  }

  bool wait_for_events() {
    std::vector<pollfd> polled{{interrupt_, POLLIN, 0}};
    for (auto& it : running_) polled.push_back({it->worker.descriptor(), POLLIN, 0});
    if (::poll(polled.data(), polled.size(), -1) < 0) {
      if (errno == EINTR) return true;
      throw base::Error::system("wait for the tests");
    }
    if (polled[0].revents != 0) return false;
    for (size_t i = running_.size(); i-- > 0;) {
      if (polled[i + 1].revents != 0) take_events(i);
    }
    return true;
  }

  void take_events(size_t index) {
    Running& it = *running_[index];
    if (it.worker.read([&](const boost::json::object& event) { it.printer.show(event); })) return;
    results_[it.number] = it.worker.finish();
    it.printer.finish(*results_[it.number]);
    people_ << it.text.str() << std::flush;
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  std::vector<RunResult> ended() const {
    std::vector<RunResult> runs;
    for (const auto& it : results_) {
      if (it) runs.push_back(*it);
    }
    return runs;
  }

  void report(Duration took) {
    std::vector<RunResult> runs = ended();
    if (runs.size() > 1) people_ << "\n" << summary_text(runs, took);
    if (junit_.is_open()) {
      junit_ << junit_xml(runs, took, options_.version);
      if (!junit_.flush()) throw base::Error::system("write " + options_.junit);
    }
    if (!options_.json) return;
    boost::json::array array;
    for (const RunResult& run : runs) array.push_back(to_json(run));
    out_ << boost::json::serialize(boost::json::object{
                {"version", options_.version}, {"milliseconds", took.count()}, {"runs", std::move(array)}})
         << "\n";
  }

  const TestOptions& options_;
  std::ostream& out_;
  std::ostream& err_;
  std::ostream& people_;  // where what people read goes
  int interrupt_;
  fs::path remains_;
  std::ofstream junit_;
  size_t parallel_ = 1;
  std::deque<Job> waiting_;
  std::vector<std::unique_ptr<Running>> running_;
  std::vector<std::optional<RunResult>> results_;
};

}  // namespace

int exit_code_of(const std::vector<RunResult>& runs) {
  auto any = [&](RunResult::Outcome outcome) {
    return std::any_of(runs.begin(), runs.end(), [&](const RunResult& run) { return run.outcome == outcome; });
  };
  if (any(RunResult::Outcome::failed)) return kTestFailed;
  if (any(RunResult::Outcome::invalid)) return kInvalid;
  return any(RunResult::Outcome::could_not_run) ? kCouldNotRun : kPassed;
}

int test_main(const TestOptions& options, std::ostream& out, std::ostream& err, int interrupt) {
  return TestRun(options, out, err, interrupt).run();
}

}  // namespace scenario
