#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "labctl/commands/arguments.h"
#include "labctl/commands/show_tables.h"
#include "labctl/plan/plan.h"

namespace commands {
namespace {

namespace json = boost::json;

struct Options {
  std::string lab;
  std::string node;
  std::string table;
  bool json = false;
};

// What `inspect WORDS` prints in the node. Throws with its words, which name what the kernel lacks.
json::object inspect(lab::Control& control, const Options& options, const std::vector<std::string>& words) {
  lab::Command command;
  command.node = options.node;
  command.arguments = {std::string(plan::libexec_folder) + "/inspect"};
  command.arguments.insert(command.arguments.end(), words.begin(), words.end());
  command.timeout = std::chrono::seconds(20);
  lab::CommandResult result = control.run(command);
  if (result.exit_code != 0) {
    std::string why = result.error_output.substr(0, result.error_output.find_last_not_of('\n') + 1);
    std::string table = options.table.empty() ? words.front() : options.table;
    throw base::Error("node " + options.node + ": table " + table + " cannot be read: " + why);
  }
  return json::parse(result.output).as_object();
}

json::object rules(lab::Control& control, const Options& options) {
  json::array tables;
  for (const char* table : {"raw", "mangle", "nat", "filter"}) {
    tables.push_back(inspect(control, options, {"rules", table}));
  }
  json::object all = inspect(control, options, {"nftables"});
  all["tables"] = std::move(tables);
  return all;
}

json::object overview(lab::Control& control, const Options& options) {
  json::object all;
  for (const char* table : {"links", "addresses", "routes"}) {
    for (const auto& pair : inspect(control, options, {table})) all[pair.key()] = pair.value();
  }
  return all;
}

struct ShownTable {
  const char* name;
  const char* inspected;  // what inspect calls it
  void (*print)(const json::object&, std::ostream&);
};
constexpr ShownTable kTables[] = {{"conntrack", "conntrack", print_conntrack},
                                  {"ipvs", "ipvs", print_ipvs},
                                  {"ipset", "ipset", print_ipset},
                                  {"rules", nullptr, print_rules},
                                  {"routes", "routes", print_routes},
                                  {"neigh", "neighbours", print_neighbours},
                                  {"fdb", "fdb", print_forwarding},
                                  {"links", "links", print_links}};

void show(const Options& options, Context& context) {
  lab::Control control = control_of(options.lab);
  check_node(control, options.node);
  ShownTable shown{"", nullptr, print_overview};
  for (const ShownTable& it : kTables) {
    if (options.table == it.name) shown = it;
  }
  json::object table = shown.inspected != nullptr ? inspect(control, options, {shown.inspected})
                       : options.table == "rules" ? rules(control, options)
                                                  : overview(control, options);
  if (options.json) {
    context.out << json::serialize(table) << "\n";
  } else {
    shown.print(table, context.out);
  }
}

std::vector<std::string> table_names() {
  std::vector<std::string> names;
  for (const ShownTable& it : kTables) names.emplace_back(it.name);
  return names;
}

}  // namespace

void add_show(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command<Options>(app, "show", "show a kernel table of a node or pod, every field named", kLabCommands,
                           options, [&context](const Options& chosen) { show(chosen, context); });
  add_lab(*command, options->lab);
  command->add_option("NODE", options->node, "a node, or a pod (default/web-5d9c)")->required()->type_name(kNode);
  command->add_option("TABLE", options->table, "links, addresses and routes in short where left out")
      ->type_name("TABLE")
      ->check(CLI::IsMember(table_names()));
  add_json(*command, options->json);
  command->footer(
      "conntrack  connections that are tracked: both directions, state, timeout\n"
      "ipvs       virtual services, their servers, what they have counted\n"
      "ipset      sets and their members\n"
      "rules      rules of iptables with their counters, and the ruleset of nftables\n"
      "routes     routes of all tables, and the policy rules that choose among these\n"
      "neigh      ARP and NDP\n"
      "fdb        what bridges and VXLAN devices forward by\n"
      "links      kind, state, and what it has received and sent, of each link");
}

}  // namespace commands
