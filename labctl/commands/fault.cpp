#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <sstream>

#include "labctl/commands/arguments.h"
#include "labctl/commands/output.h"
#include "labctl/topology/injection.h"
#include "labctl/topology/values.h"
#include "lib/kube/objects.h"

namespace commands {
namespace {

namespace json = boost::json;
using kube::text_at;

struct Options {
  std::string lab;
  std::string action;
  std::vector<std::string> arguments;
  std::vector<std::string> networks;
  std::map<std::string, std::string> impairment;
  std::string lasting;
  bool json = false;
};

// What follows an action: one target, one link, groups.
struct Action {
  std::string name;  // on the command line
  std::string key;   // in a scenario
  enum class Of { target, link, groups, impairment, fault } of;
};

const std::vector<Action>& actions() {
  static const std::vector<Action> all{{"link-down", "linkDown", Action::Of::link},
                                       {"link-up", "linkUp", Action::Of::link},
                                       {"partition", "partition", Action::Of::groups},
                                       {"pause", "pause", Action::Of::target},
                                       {"resume", "resume", Action::Of::target},
                                       {"kill", "kill", Action::Of::target},
                                       {"restart", "restart", Action::Of::target},
                                       {"impair", "impair", Action::Of::impairment},
                                       {"heal", "", Action::Of::fault}};
  return all;
}

const Action& find_action(const std::string& name) {
  return *std::find_if(actions().begin(), actions().end(), [&](const Action& it) { return it.name == name; });
}

void print_faults(const json::array& faults, const Options& options, Context& context) {
  if (options.json) {
    context.out << json::serialize(json::object{{"faults", faults}}) << "\n";
    return;
  }
  Table table({"ID", "FAULT", "SINCE", "FOR"});
  for (const json::value& value : faults) {
    const json::object& fault = value.as_object();
    table.add({std::to_string(kube::number_at(fault, "id")), printable(text_at(fault, "what")),
               age(text_at(fault, "since")), text_at(fault, "for")});
  }
  if (table.empty()) {
    context.out << "no fault is on\n";
  } else {
    table.print(context.out);
  }
}

// ---- what is broken

const std::string& only_argument(const Options& options, const std::string& what) {
  if (options.arguments.size() == 1) return options.arguments.front();
  throw CLI::ValidationError(options.action, "takes one " + what);
}

// {"node": "rs1"}, {"pod": "default/web"}, {"process": "web@rs1"}
json::object target(lab::Control& control, const std::string& name) {
  if (is_process(control, name)) return {{"process", name}};
  check_node(control, name);
  for (const json::value& node : control.nodes()) {
    if (text_at(node.as_object(), "name") == name && text_at(node.as_object(), "kind") == "node") {
      return {{"node", name}};
    }
  }
  return {{"pod", name}};
}

// "a,b" "c" → [["a", "b"], ["c"]]
json::object partition(const Options& options) {
  if (options.arguments.size() < 2) {
    throw CLI::ValidationError(options.action, "takes two groups of nodes at least: A,B C,D");
  }
  json::array groups;
  for (const std::string& argument : options.arguments) {
    json::array group;
    std::istringstream words(argument);
    for (std::string node; std::getline(words, node, ',');) group.emplace_back(node);
    groups.push_back(std::move(group));
  }
  json::object object{{"groups", std::move(groups)}};
  if (!options.networks.empty()) object["networks"] = json::array(options.networks.begin(), options.networks.end());
  return object;
}

json::object fault_of(lab::Control& control, const Action& action, const Options& options) {
  if (action.of == Action::Of::groups) return {{action.key, partition(options)}};
  if (action.of == Action::Of::impairment) {
    json::object impairment;
    for (const auto& [key, value] : options.impairment) impairment[key] = value;
    if (impairment.empty()) throw CLI::ValidationError(options.action, "by what? Give --delay, --loss, --rate, …");
    return {{action.key, {{"link", only_argument(options, "link, as NODE:LINK")}, {"impairment", impairment}}}};
  }
  if (action.of == Action::Of::link) return {{action.key, only_argument(options, "link, as NODE:LINK")}};
  return {{action.key, target(control, only_argument(options, "target"))}};
}

void inject(lab::Control& control, const Action& action, const Options& options, Context& context) {
  if (!options.lasting.empty()) parse_duration("--for", options.lasting);
  json::object fault = control.inject(fault_of(control, action, options), options.lasting);
  if (options.json) {
    context.out << json::serialize(fault) << "\n";
    return;
  }
  std::string id = fault.contains("id") ? std::to_string(kube::number_at(fault, "id")) + ": " : "";
  context.out << id << printable(text_at(fault, "what")) << "\n";
}

void heal(lab::Control& control, const Options& options) {
  if (options.arguments.empty()) return control.heal_all();
  const std::string& which = only_argument(options, "ID, or all");
  if (which == "all") return control.heal_all();
  std::optional<std::uint64_t> id = topology::parse_unsigned(which);
  if (!id) throw CLI::ValidationError("heal", "\"" + which + "\" is no ID, `labctl fault LAB` lists them");
  control.heal(*id);
}

// With a delay, which jitter and reorder need; whether all go together, the lab knows.
std::string why_no_impairment(const std::string& key, const std::string& value) {
  json::object impairment{{"delay", "3600s"}};
  impairment[key] = value;
  try {
    topology::parse_injection({{"impair", {{"link", "node:link"}, {"impairment", impairment}}}});
    return {};
  } catch (const base::Error& error) {
    return error.what();
  }
}

void check_impairment(const std::string& key, const std::string& value) {
  std::string why = why_no_impairment(key, value);
  if (why.empty()) return;
  bool lacks_unit = why_no_impairment(key, value + "%").empty();
  throw CLI::ValidationError("--" + key, why + (lacks_unit ? ", did you mean " + value + "%?" : ""));
}

void fault(const Options& options, Context& context) {
  lab::Control control = control_of(options.lab);
  if (options.action.empty()) return print_faults(control.faults(), options, context);
  const Action& action = find_action(options.action);
  if (!options.networks.empty() && action.of != Action::Of::groups) {
    throw CLI::ValidationError("--network", "is of a partition");
  }
  if (!options.impairment.empty() && action.of != Action::Of::impairment) {
    throw CLI::ValidationError("--" + options.impairment.begin()->first, "is of impair");
  }
  for (const auto& [key, value] : options.impairment) check_impairment(key, value);
  if (!options.lasting.empty() && action.of == Action::Of::fault) {
    throw CLI::ValidationError("--for", "is of what is broken, and not of healing");
  }
  if (action.of != Action::Of::fault) return inject(control, action, options, context);
  heal(control, options);
  if (options.json) print_faults(control.faults(), options, context);
}

}  // namespace

void add_fault(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command<Options>(app, "fault", "break something in a lab, and mend it", kLabCommands, options,
                                           [&context](const Options& chosen) { fault(chosen, context); });
  add_lab(*command, options->lab);
  std::vector<std::string> names;
  for (const Action& action : actions()) names.push_back(action.name);
  command->add_option("ACTION", options->action, "what to do; nothing: list the faults that are on")
      ->check(CLI::IsMember(names));
  command
      ->add_option("ARGUMENT", options->arguments,
                   "NODE:LINK; a node, a pod, or PROCESS@NODE; groups of nodes (A,B C,D); an ID, or all")
      ->type_name(kFaulty);
  command->add_option("--network", options->networks, "partition: only this network; may be given several times")
      ->type_name("NETWORK");
  const std::pair<const char*, const char*> impairments[] = {{"delay", "impair: hold packets back so long: 100ms"},
                                                             {"jitter", "impair: the delay varies by so much: 10ms"},
                                                             {"loss", "impair: so many are lost: 10%"},
                                                             {"rate", "impair: so much a second: 10mbit"},
                                                             {"duplicate", "impair: so many are sent twice: 1%"},
                                                             {"reorder", "impair: so many overtake others: 25%"}};
  for (const auto& [name, description] : impairments) {
    command
        ->add_option_function<std::string>(
            std::string("--") + name,
            [options, key = std::string(name)](const std::string& value) { options->impairment[key] = value; },
            description)
        ->type_name("VALUE");
  }
  command->add_option("--for", options->lasting, "heals by itself after this time: 500ms, 10s, 2m")->type_name("TIME");
  add_json(*command, options->json);
  command->footer(
      "  labctl fault web link-down rs1:lan     rs1's cable is pulled\n"
      "  labctl fault web partition a,b c       a and b do not reach c, nor c them\n"
      "  labctl fault web pause rs1 --for 10s   all that runs in rs1 is stopped for ten seconds\n"
      "  labctl fault web heal                  all is as it was");
}

}  // namespace commands
