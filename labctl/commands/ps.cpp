#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "labctl/commands/arguments.h"
#include "labctl/commands/output.h"
#include "lib/kube/objects.h"

namespace commands {
namespace {

namespace json = boost::json;
using kube::array_at;
using kube::text_at;

struct Options {
  std::string lab;
  bool json = false;
};

// A lab that does not answer is listed all the same.
json::object look_at(const lab::LabFolder& folder) {
  json::object lab;
  try {
    lab = lab::Control(folder).lab();
  } catch (const base::Error& error) {
    lab = {{"name", folder.name}, {"state", "not answering"}, {"why", error.what()}};
  }
  lab["folder"] = folder.path.string();
  lab["pid"] = folder.first_process();
  return lab;
}

void list_labs(const Options& options, Context& context) {
  json::array labs;
  for (const lab::LabFolder& folder : lab::living_labs()) labs.push_back(look_at(folder));
  if (options.json) {
    context.out << json::serialize(json::object{{"labs", std::move(labs)}}) << "\n";
    return;
  }
  Table table({"LAB", "STATE", "AGE", "KERNEL", "TOPOLOGY"});
  for (const json::value& value : labs) {
    const json::object& lab = value.get_object();
    table.add({text_at(lab, "name"), text_at(lab, "state"), age(text_at(lab, "started")),
               text_at(lab, "kernel.version", "?"), printable(text_at(lab, "topology", "?"))});
  }
  if (table.empty()) {
    context.out << "no lab is running; labctl up FILE starts one\n";
  } else {
    table.print(context.out);
  }
}

std::string addresses_of(const json::object& node) {
  std::vector<std::string> words;
  for (const json::value& value : array_at(node, "links")) {
    const json::object& link = value.as_object();
    if (text_at(link, "name") == "lo") continue;
    std::vector<std::string> addresses;
    for (const std::string& address : kube::strings_at(link, "addresses")) {
      // Link-local ones (RFC 4291, 2.5.6) are everywhere and tell nothing.
      if (!address.starts_with("fe80:")) addresses.push_back(address);
    }
    if (!addresses.empty()) words.push_back(text_at(link, "name") + " " + joined(addresses, ","));
  }
  return joined(words, "  ");
}

void print_nodes(const json::array& nodes, Context& context) {
  Table table({"NODE", "STATE", "ON", "ADDRESSES"});
  for (const json::value& value : nodes) {
    const json::object& node = value.as_object();
    table.add({text_at(node, "name"), text_at(node, "state"), text_at(node, "host"), addresses_of(node)});
  }
  table.print(context.out);
}

std::string exit_of(const json::object& process) {
  return process.contains("exit") ? " (exit code " + std::to_string(kube::number_at(process, "exit")) + ")" : "";
}

void print_processes(const json::array& processes, Context& context) {
  Table table({"PROCESS", "STATE", "RESTARTS", "COMMAND"});
  for (const json::value& value : processes) {
    const json::object& process = value.as_object();
    std::string state = text_at(process, "state");
    if (state != "ready") state += exit_of(process);
    std::string command = joined(kube::strings_at(process, "command"), " ");
    constexpr std::size_t kShown = 60;
    if (command.size() > kShown) command = command.substr(0, kShown) + "…";
    table.add(
        {text_at(process, "name"), state, std::to_string(kube::number_at(process, "restarts")), printable(command)});
  }
  if (!table.empty()) context.out << "\n";
  if (!table.empty()) table.print(context.out);
}

void show_lab(const Options& options, Context& context) {
  lab::Control control = control_of(options.lab);
  json::object lab = look_at(control.folder());
  json::array nodes = control.nodes(), processes = control.processes();
  if (options.json) {
    json::object all{{"lab", std::move(lab)}, {"nodes", std::move(nodes)}, {"processes", std::move(processes)}};
    context.out << json::serialize(all) << "\n";
    return;
  }
  context.out << "lab " << text_at(lab, "name") << ", " << text_at(lab, "state") << ", on "
              << text_at(lab, "kernel.version") << " (" << text_at(lab, "kernel.provider")
              << "): " << text_at(lab, "kernel.reason") << "\n";
  if (!text_at(lab, "why").empty()) context.out << "why: " << printable(text_at(lab, "why")) << "\n";
  for (const json::value& endpoint : array_at(lab, "endpoints")) {
    context.out << text_at(endpoint.as_object(), "what") << ": " << text_at(endpoint.as_object(), "where") << "\n";
  }
  context.out << "\n";
  print_nodes(nodes, context);
  print_processes(processes, context);
}

}  // namespace

void add_ps(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command<Options>(app, "ps", "list labs, or what one of them has and runs", kLabCommands,
                                           options, [&context](const Options& chosen) {
                                             if (chosen.lab.empty()) return list_labs(chosen, context);
                                             show_lab(chosen, context);
                                           });
  command->add_option("LAB", options->lab, "its nodes, pods and processes instead of the list of labs")
      ->type_name(kLab);
  add_json(*command, options->json);
}

}  // namespace commands
