#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <thread>

#include "labctl/commands/arguments.h"
#include "labctl/commands/output.h"
#include "labctl/topology/faults.h"
#include "lib/base/file_descriptor.h"
#include "lib/kube/objects.h"

namespace commands {
namespace {

namespace json = boost::json;

struct Options {
  std::string lab;
  std::string target;
  bool follow = false;
  bool json = false;
  bool guest = false;
  bool supervisor = false;
};

// Gives whole lines on, whatever pieces they come in.
class Lines {
 public:
  explicit Lines(std::function<void(const std::string&)> line) : line_(std::move(line)) {}

  void add(std::string_view data) {
    rest_.append(data);
    std::size_t start = 0;
    for (std::size_t end; (end = rest_.find('\n', start)) != std::string::npos; start = end + 1) {
      line_(rest_.substr(start, end - start));
    }
    rest_.erase(0, start);
  }
  void finish() {
    if (!rest_.empty()) line_(rest_);
    rest_.clear();
  }

 private:
  std::function<void(const std::string&)> line_;
  std::string rest_;
};

// "2026-01-31T12:00:00.123Z ds killed: node ds"; as it is where it is no event.
std::string event_in_words(const std::string& line) {
  boost::system::error_code error;
  json::value value = json::parse(line, error);
  if (error || !value.is_object()) return line;
  const json::object& event = value.get_object();
  std::string node = kube::text_at(event, "node");
  return kube::text_at(event, "time") + " " + node + (node.empty() ? "" : " ") + kube::text_at(event, "kind") + ": " +
         kube::text_at(event, "message");
}

// A process may have written anything; a terminal is not to obey it.
std::string as_line(const std::string& line, const Options& options) {
  return options.json ? json::serialize(json::object{{"line", line}}) : printable(line);
}

void stream_events(const Options& options, Context& context) {
  Lines lines([&](const std::string& line) {
    context.out << (options.json ? line : printable(event_in_words(line))) << "\n" << std::flush;
  });
  lab::Control control = control_of(options.lab);
  control.stream(std::string("/v1/events") + (options.follow ? "?follow=1" : ""), [&](std::string_view data) {
    lines.add(data);
    return true;
  });
  lines.finish();
}

// Nodes have no output of their own; their processes and pods have.
void check_pod(lab::Control& control, const std::string& pod) {
  std::vector<std::string> names;
  for (const json::value& it : control.nodes()) {
    std::string name = kube::text_at(it.as_object(), "name");
    if (kube::text_at(it.as_object(), "kind") != "pod") continue;
    if (name == pod || name.substr(name.find('/') + 1) == pod) return;
    names.push_back(std::move(name));
  }
  for (const json::value& it : control.processes()) names.push_back(kube::text_at(it.as_object(), "name"));
  throw base::Error("lab " + control.folder().name + " has no pod or process \"" + pod + "\"" +
                    topology::suggestion(pod, names));
}

void stream_log(const Options& options, Context& context) {
  lab::Control control = control_of(options.lab);
  bool process = is_process(control, options.target);
  if (!process) check_pod(control, options.target);
  std::string target = std::string(process ? "/v1/processes/" : "/v1/pods/") + base::http::encode(options.target) +
                       "/log" + (options.follow ? "?follow=1" : "");
  Lines lines([&](const std::string& line) { context.out << as_line(line, options) << "\n" << std::flush; });
  control.stream(target, [&](std::string_view data) {
    lines.add(data);
    return true;
  });
  lines.finish();
}

// A log of the lab's folder; it is there after the lab's end, too.
void show_file(const Options& options, Context& context) {
  lab::LabFolder folder = lab::lab_folder(options.lab);
  std::filesystem::path path = options.guest ? folder.guest_log() : folder.lab_log();
  base::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) lab::find_lab(options.lab);  // says which labs there are
  base::check_system("read " + path.string(), file.get());
  Lines lines([&](const std::string& line) { context.out << as_line(line, options) << "\n" << std::flush; });
  for (;;) {
    bool alive = folder.alive();
    char buffer[32768];
    for (ssize_t count; (count = ::read(file.get(), buffer, sizeof buffer)) > 0;) {
      lines.add({buffer, static_cast<std::size_t>(count)});
    }
    if (!options.follow || !alive) break;
    // Files that grow wake nobody up.
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  lines.finish();
}

void show(const Options& options, Context& context) {
  if (options.guest || options.supervisor) return show_file(options, context);
  if (options.target.empty()) return stream_events(options, context);
  stream_log(options, context);
}

}  // namespace

void add_logs(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command<Options>(app, "logs", "show what happened in a lab, or what a process or pod wrote", kLabCommands,
                           options, [&context](const Options& chosen) { show(chosen, context); });
  add_lab(*command, options->lab);
  CLI::Option* target =
      command->add_option("TARGET", options->target, "PROCESS@NODE or a pod; the lab's events where left out")
          ->type_name(kTarget);
  command->add_flag("-f,--follow", options->follow, "go on, after what was written, with what comes");
  CLI::Option* guest =
      command->add_flag("--guest", options->guest, "the log of the lab's embedded kernel")->excludes(target);
  command->add_flag("--lab", options->supervisor, "the log of the lab's supervisor")->excludes(target)->excludes(guest);
  add_json(*command, options->json);
  command->footer("--guest and --lab also show the logs of a lab that has died, for a day.");
}

}  // namespace commands
