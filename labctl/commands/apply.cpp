#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <iostream>

#include "labctl/commands/arguments.h"
#include "labctl/commands/output.h"
#include "labctl/commands/terminal.h"
#include "labctl/lab/start.h"
#include "lib/kube/objects.h"

namespace commands {
namespace {

namespace json = boost::json;
using kube::array_at;
using kube::text_at;

struct Options {
  std::string lab;
  std::string file;
  bool dry_run = false;
  bool yes = false;
  bool json = false;
};

// So that scripts can tell that there is a difference from that there is none, and both from failures.
constexpr int kDiffers = 4;

class Apply {
 public:
  Apply(const Options& options, Context& context)
      : options_(options), context_(context), control_(control_of(options.lab)) {}

  void run() {
    json::object wanted = read();
    json::object difference = control_.post("/v1/apply?dryRun=1", wanted);
    bool same = array_at(difference, "changes").empty() && array_at(difference, "refusals").empty();
    if (!options_.json) show(difference, same);
    refuse(difference);
    if (options_.dry_run) {
      if (options_.json) print({{"difference", std::move(difference)}});
      if (!same) context_.exit_code = kDiffers;
      return;
    }
    // Where no line is worth showing, the text may differ all the same, as in its scenario: it is the lab's from now
    // on.
    if (same || confirmed()) apply(wanted);
  }

 private:
  // As the supervisor wants it. Throws where the file is at fault, or the lab's kernel does not serve it.
  json::object read() {
    json::object lab = control_.lab();
    lab::StartOptions start;
    start.name = options_.lab;
    start.kernel = text_at(lab, "kernel.provider");
    start.allow_writable = true;  // mounts are settled: others than the lab has are refused
    try {
      return json::parse(kernel::bundle_of(lab::prepare(options_.file, start).spec)).as_object();
    } catch (const lab::CannotRun& error) {
      throw lab::CannotRun(base::Error("lab " + options_.lab + " runs on " + text_at(lab, "kernel.version") +
                                       ", and the new topology needs more: " + error.what())
                               .with_mend("labctl down " + options_.lab + ", then labctl up " + options_.file));
    }
  }

  void show(const json::object& difference, bool same) {
    if (same) {
      context_.out << "lab " << options_.lab << " is as " << options_.file << " says\n";
      return;
    }
    for (const json::value& value : array_at(difference, "changes")) {
      const json::object& change = value.as_object();
      std::string action = text_at(change, "action");
      const char* sign = action == "create" ? "+ " : action == "remove" ? "- " : action == "change" ? "~ " : "! ";
      std::string line = sign + text_at(change, "object");
      if (action == "restart") line += " is restarted";
      std::string details = joined(kube::strings_at(change, "details"), "; ");
      if (!details.empty()) line += ": " + details;
      context_.out << "  " << printable(line) << "\n";
    }
  }

  void refuse(const json::object& difference) {
    std::vector<std::string> refusals = kube::strings_at(difference, "refusals");
    if (refusals.empty()) return;
    throw base::Error("this cannot be changed in a running lab:\n  " + joined(refusals, "\n  "))
        .with_mend("labctl down " + options_.lab + ", then labctl up " + options_.file);
  }

  bool confirmed() {
    if (options_.yes) return true;
    bool asks = is_terminal(0) && is_terminal(1) && options_.file != "-" && !options_.json;
    if (!asks) throw CLI::ValidationError("apply", "there is nobody to ask whether to go on; say --yes, or --dry-run");
    context_.out << "apply this to lab " << options_.lab << "? [y/N] " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    if (answer == "y" || answer == "Y" || answer == "yes") return true;
    context_.out << "nothing was changed\n";
    context_.exit_code = kFailed;
    return false;
  }

  void apply(const json::object& wanted) {
    std::string pending;
    json::array done;
    json::object difference, end;
    control_.post_stream("/v1/apply", wanted, [&](std::string_view piece) {
      pending += piece;
      for (std::size_t length; (length = pending.find('\n')) != std::string::npos; pending.erase(0, length + 1)) {
        json::object line = json::parse(pending.substr(0, length)).as_object();
        if (const json::value* what = line.if_contains("done")) {
          done.push_back(*what);
          if (!options_.json) context_.err << printable(std::string(what->as_string())) << "\n";
        } else if (line.contains("difference")) {
          difference = line.at("difference").as_object();
        } else {
          end = std::move(line);
        }
      }
      return true;
    });
    if (end.empty()) throw base::Error("lab " + options_.lab + " did not say how it ended; labctl ps says how it is");
    end["difference"] = std::move(difference);
    end["done"] = std::move(done);
    finish(end);
  }

  void finish(const json::object& end) {
    bool applied = end.at("applied").as_bool();
    if (!applied) context_.exit_code = kFailed;
    if (options_.json) return print(end);
    if (applied) {
      if (!array_at(end, "done").empty())
        context_.out << "lab " << options_.lab << " is as " << options_.file << " says\n";
      return;
    }
    context_.err << "labctl: " << printable(text_at(end, "error")) << "\nnot done:\n";
    for (const std::string& what : kube::strings_at(end, "notDone")) context_.err << "  " << printable(what) << "\n";
    context_.err << "the lab goes on with what was done; labctl apply does the rest\n";
  }

  void print(const json::object& object) { context_.out << json::serialize(object) << "\n"; }

  const Options& options_;
  Context& context_;
  lab::Control control_;
};

}  // namespace

void add_apply(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command<Options>(app, "apply", "bring a running lab to an edited topology", kLabCommands, options,
                           [&context](const Options& chosen) { Apply(chosen, context).run(); });
  add_lab(*command, options->lab);
  command->add_option("FILE", options->file, "the topology as it is to be; - is standard input")
      ->required()
      ->type_name(kFile);
  command->add_flag("--dry-run", options->dry_run, "show what would change, and change nothing");
  command->add_flag("-y,--yes", options->yes, "do not ask");
  add_json(*command, options->json);
  command->footer(
      "Shows what is created (+), changed (~) and removed (-), and which nodes have to be restarted for it (!); asks; "
      "and\n"
      "does it. What does not differ is not touched. With --dry-run it ends with 4 where there is a difference.");
}

}  // namespace commands
