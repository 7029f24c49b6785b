#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <csignal>

#include "labctl/commands/arguments.h"
#include "labctl/commands/interrupt.h"
#include "labctl/commands/output.h"
#include "labctl/commands/progress.h"
#include "labctl/commands/terminal.h"
#include "labctl/lab/start.h"
#include "lib/kube/objects.h"

namespace commands {
namespace {

using std::chrono::milliseconds;

struct Options {
  std::string file;
  std::string name;
  std::string kernel = "auto";
  unsigned memory_mib = 0;
  std::string time_to_live;
  std::string wait;
  bool allow_writable = false;
  bool timings = false;
  bool json = false;
};

lab::StartOptions start_options(const Options& options) {
  lab::StartOptions start;
  start.name = options.name;
  if (options.kernel != "auto") start.kernel = options.kernel;
  start.memory_mib = options.memory_mib;
  start.allow_writable = options.allow_writable;
  if (!options.time_to_live.empty()) {
    start.time_to_live = std::chrono::ceil<std::chrono::seconds>(parse_duration("--ttl", options.time_to_live));
  }
  return start;
}

class Up {
 public:
  Up(const Options& options, Context& context) : options_(options), context_(context) {}

  void run() {
    auto begin = std::chrono::steady_clock::now();
    prepared_ = lab::prepare(options_.file, start_options(options_));
    phases_.push_back(
        {"prepare", "", std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count()});
    if (options_.memory_mib != 0 && prepared_.choice.provider == "host") {
      context_.err << "labctl: --memory is for an embedded kernel; this lab runs on the host's\n";
    }
    if (!start()) return;
    took_ = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
    boost::json::object lab = lab::Control(prepared_.folder).lab();
    if (options_.json) {
      lab["folder"] = prepared_.folder.path.string();
      context_.out << boost::json::serialize(lab) << "\n";
    } else {
      summarize(lab);
    }
  }

 private:
  // False where a signal ended it.
  bool start() {
    std::optional<milliseconds> limit;
    if (!options_.wait.empty()) limit = parse_duration("--wait", options_.wait);
    Interrupt interrupt(limit);
    PhaseProgress progress(context_.err, is_terminal(2) && !options_.json);
    try {
      lab::start(
          prepared_,
          [&](const kernel::Progress& it) {
            if (it.milliseconds > 0) phases_.push_back(it);
            progress.show(it);
          },
          interrupt.descriptor());
      return true;
    } catch (const base::Error&) {
      progress.clear();
      if (interrupt.limit_reached()) {
        throw base::Error("lab " + prepared_.plan.lab + " was not ready within " + options_.wait +
                          "; nothing is left of it");
      }
      if (interrupt.signal() == 0) throw;
      context_.err << "labctl: interrupted; nothing is left of lab " << prepared_.plan.lab << "\n";
      context_.exit_code = 128 + interrupt.signal();
      return false;
    }
  }

  void summarize(const boost::json::object& lab) {
    const std::string& name = prepared_.plan.lab;
    context_.out << "lab " << name << " is ready after " << in_words(took_) << "\n";
    line("kernel",
         prepared_.choice.kernel_version + " (" + prepared_.choice.provider + "): " + prepared_.choice.reason);
    for (const kernel::Mount& mount : prepared_.spec.mounts) {
      std::string target = mount.target == mount.source ? "" : " at " + mount.target;
      line("mounts", mount.source + target + (mount.writable ? ", writable" : ", read-only"));
    }
    std::vector<std::string> nodes;
    for (const topology::Node& node : prepared_.topology.nodes) nodes.push_back(node.name);
    line("nodes", joined(nodes, " "));
    for (const boost::json::value& endpoint : kube::array_at(lab, "endpoints")) {
      line(kube::text_at(endpoint.as_object(), "what"), kube::text_at(endpoint.as_object(), "where"));
    }
    if (!options_.time_to_live.empty()) line("ends", "in " + options_.time_to_live);
    if (options_.timings) print_timings();
    suggest();
  }

  void line(const std::string& what, const std::string& text) {
    constexpr std::size_t kWidth = 10;
    std::string space(what.size() < kWidth ? kWidth - what.size() : 2, ' ');
    context_.out << "  " << what << space << printable(text) << "\n";
  }

  void print_timings() {
    context_.out << "\n";
    Table table({"PHASE", "MS"});
    for (const kernel::Progress& phase : phases_)
      table.add({phase.phase, std::to_string(std::lround(phase.milliseconds))});
    table.add({"all", std::to_string(took_.count())});
    table.print(context_.out);
  }

  void suggest() {
    const std::string& name = prepared_.plan.lab;
    context_.out << "\ntry\n";
    if (!prepared_.topology.nodes.empty()) {
      const topology::Node* client = prepared_.topology.find_node("client");
      std::string node = client != nullptr ? client->name : prepared_.topology.nodes.front().name;
      context_.out << "  labctl exec " << name << " " << node << "\n";
    }
    if (!prepared_.plan.api.empty()) context_.out << "  labctl kubectl " << name << " get pods -o wide\n";
    context_.out << "  labctl ps " << name << "\n  labctl down " << name << "\n";
  }

  const Options& options_;
  Context& context_;
  lab::Prepared prepared_;
  std::vector<kernel::Progress> phases_;
  milliseconds took_{0};
};

}  // namespace

void add_up(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command<Options>(app, "up", "start the lab that a topology file describes", kLabCommands,
                                           options, [&context](const Options& chosen) { Up(chosen, context).run(); });
  command->add_option("FILE", options->file, "the topology; - is standard input")->required()->type_name(kFile);
  command->add_option("-n,--name", options->name, "another name for the lab than the topology's")->type_name("NAME");
  command->add_option("--kernel", options->kernel, "auto, host or uml (an embedded kernel)")
      ->type_name("KERNEL")
      ->check(CLI::IsMember({"auto", "host", "uml"}));
  command->add_option("--memory", options->memory_mib, "MiB for an embedded kernel; 1024 if not given")
      ->type_name("MIB")
      ->check(CLI::Range(64u, 1u << 20));
  command->add_option("--ttl", options->time_to_live, "end the lab after this time (10m)")->type_name("TIME");
  command->add_option("--wait", options->wait, "give up where it is not ready within this time (60s)")
      ->type_name("TIME");
  add_allow_writable(*command, options->allow_writable);
  command->add_flag("--timings", options->timings, "show how long each phase took");
  add_json(*command, options->json);
  command->footer(
      "Returns when the lab is ready; the lab lives on until `labctl down`. Where it does not get ready, or Ctrl-C is\n"
      "pressed, nothing is left of it.");
}

}  // namespace commands
