#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "labctl/commands/arguments.h"
#include "labctl/commands/output.h"
#include "labctl/commands/topology_files.h"
#include "labctl/kernel/needs.h"
#include "labctl/kernel/report.h"
#include "labctl/lab/start.h"

namespace commands {
namespace {

namespace json = boost::json;

struct Options {
  std::vector<std::string> files;
  bool json = false;
};

// What one topology would run on, or why it would not.
struct Verdict {
  std::string file;
  std::string provider;
  std::string text;
  int exit_code = kOk;
};

Verdict judge(const std::string& file) {
  try {
    topology::Topology topology = lab::read_topology(file);
    lab::read_manifest_files(topology);
    kernel::Choice choice = lab::choose_kernel(plan::make_plan(topology));
    return {file, choice.provider, choice.kernel_version + ": " + choice.reason, kOk};
  } catch (const topology::InvalidTopology& error) {
    return {file, "", error.what(), kBadInput};
  } catch (const lab::BadInput& error) {
    return {file, "", error.what(), kBadInput};
  } catch (const lab::CannotRun& error) {
    return {file, "", error.what(), kCannotRun};
  }
}

// ---- for scripts

json::object to_json(const kernel::ProviderReport& provider) {
  json::array needs;
  for (const kernel::NeedStatus& status : provider.needs) {
    needs.push_back(
        json::object{{"need", status.need}, {"works", status.works}, {"why", status.why}, {"mend", status.mend}});
  }
  return {{"name", provider.name},
          {"kernel", provider.kernel_version},
          {"available", provider.availability.available},
          {"why", provider.availability.why},
          {"mend", provider.availability.mend},
          {"needs", std::move(needs)}};
}

json::object to_json(const kernel::MachineReport& report, const std::vector<Verdict>& verdicts) {
  json::array providers, tools, topologies;
  for (const kernel::ProviderReport& provider : report.providers) providers.push_back(to_json(provider));
  for (const kernel::ToolReport& tool : report.tools) {
    tools.push_back(json::object{{"name", tool.name},
                                 {"installed", !tool.version.empty()},
                                 {"version", tool.version},
                                 {"package", tool.package},
                                 {"usedFor", tool.used_for}});
  }
  for (const Verdict& verdict : verdicts) {
    topologies.push_back(json::object{{"file", verdict.file},
                                      {"runs", verdict.exit_code == kOk},
                                      {"provider", verdict.provider},
                                      {"why", verdict.text}});
  }
  return {{"kernel", report.kernel},
          {"distribution", report.distribution},
          {"user", report.user},
          {"userNamespaces", report.user_namespaces},
          {"processors", report.processors},
          {"memoryMiB", report.memory_mib},
          {"providers", std::move(providers)},
          {"tools", std::move(tools)},
          {"topologies", std::move(topologies)},
          {"mends", json::array(report.mends.begin(), report.mends.end())}};
}

// ---- for people

void print_machine(const kernel::MachineReport& report, std::ostream& out) {
  out << report.distribution << ", " << report.kernel << ", " << report.processors << " processors, "
      << report.memory_mib << " MiB; you are " << report.user << "\n";
  out << "user namespaces: " << (report.user_namespaces ? "yes" : "no, " + report.user_namespaces_why) << "\n";
}

void print_provider(const kernel::ProviderReport& provider, std::ostream& out) {
  out << "\n" << provider.name << ": " << provider.kernel_version << "\n";
  if (!provider.availability.available) {
    out << "  not available: " << provider.availability.why << "\n";
    return;
  }
  std::vector<std::string> served;
  Table lacking({"  LACKS", "WHICH IS", "WHY"});
  for (const kernel::NeedStatus& status : provider.needs) {
    const kernel::Need* need = kernel::find_need(status.need);
    if (status.works) {
      served.push_back(status.need);
    } else {
      lacking.add({"  " + status.need, need == nullptr ? "" : need->what, status.why});
    }
  }
  out << "  serves " << joined(served, " ") << "\n";
  if (!lacking.empty()) lacking.print(out);
}

void print_tools(const kernel::MachineReport& report, std::ostream& out) {
  Table table({"TOOL", "VERSION", "FOR"});
  for (const kernel::ToolReport& tool : report.tools) {
    constexpr std::size_t kShown = 48;
    std::string version = tool.version.empty() ? "not installed" : tool.version.substr(0, kShown);
    table.add({tool.name, printable(version), tool.used_for});
  }
  out << "\n";
  table.print(out);
}

void print_verdicts(const std::vector<Verdict>& verdicts, std::ostream& out) {
  if (!verdicts.empty()) out << "\ntopologies\n";
  for (const Verdict& verdict : verdicts) {
    if (verdict.exit_code == kOk) {
      out << "  " << verdict.file << " runs on " << verdict.provider << " — " << verdict.text << "\n";
    } else {
      out << "  " << verdict.file << " does not run: " << verdict.text << "\n";
    }
  }
}

void examine(const Options& options, Context& context) {
  std::vector<Verdict> verdicts;
  for (const std::string& file : topology_files(options.files)) verdicts.push_back(judge(file));
  kernel::MachineReport report = kernel::examine_machine();
  bool any = std::any_of(report.providers.begin(), report.providers.end(),
                         [](const kernel::ProviderReport& it) { return it.availability.available; });
  if (!any) context.exit_code = kCannotRun;
  for (const Verdict& verdict : verdicts) context.exit_code = std::max(context.exit_code, verdict.exit_code);
  if (options.json) {
    context.out << json::serialize(to_json(report, verdicts)) << "\n";
    return;
  }
  print_machine(report, context.out);
  for (const kernel::ProviderReport& provider : report.providers) print_provider(provider, context.out);
  print_tools(report, context.out);
  print_verdicts(verdicts, context.out);
  if (report.mends.empty()) return;
  context.out << "\nto get more\n";
  for (const std::string& mend : report.mends) context.out << "  " << mend << "\n";
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command<Options>(app, "doctor", "say what this machine serves, and what each topology would run on",
                           kTopologyCommands, options, [&context](const Options& chosen) { examine(chosen, context); });
  command->add_option("FILE", options->files, "topologies, or folders of them")->type_name(kFile);
  add_json(*command, options->json);
  command->footer(
      "Changes nothing and loads no module. Ends with 3 where no lab, or one of the topologies, cannot run here.");
}

}  // namespace commands
