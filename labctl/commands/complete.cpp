// What completion asks for while a line is being typed: the names that exist now, one a line.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "labctl/commands/arguments.h"
#include "lib/kube/objects.h"

namespace commands {
namespace {

struct Options {
  std::string what;
  std::string word;
};

std::vector<std::string> names_in(const boost::json::array& objects) {
  std::vector<std::string> names;
  for (const boost::json::value& it : objects) names.push_back(kube::text_at(it.as_object(), "name"));
  return names;
}

std::vector<std::string> lab_names(const std::string& suffix = {}) {
  std::vector<std::string> names;
  for (const lab::LabFolder& folder : lab::living_labs()) names.push_back(folder.name + suffix);
  return names;
}

// "web" → "web:"; "web:r" → "web:rs1:", "web:rs2:"
std::vector<std::string> places(const std::string& word) {
  std::size_t colon = word.find(':');
  if (colon == std::string::npos) return lab_names(":");
  std::string lab = word.substr(0, colon);
  std::vector<std::string> names = names_in(control_of(lab).nodes());
  for (std::string& name : names) name = lab + ":" + name + ":";
  return names;
}

// "rs1:lan"; loopbacks are nobody's cables.
void add_links(const boost::json::array& nodes, std::vector<std::string>& names) {
  for (const boost::json::value& node : nodes) {
    for (const std::string& link : names_in(kube::array_at(node.as_object(), "links"))) {
      if (link != "lo") names.push_back(kube::text_at(node.as_object(), "name") + ":" + link);
    }
  }
}

std::vector<std::string> candidates(const Options& options) {
  if (options.what == "labs") return lab_names();
  if (options.what == "places") return places(options.word);
  lab::Control control = control_of(options.word);
  boost::json::array nodes = control.nodes();
  std::vector<std::string> names = names_in(nodes);
  if (options.what == "faulty" || options.what == "links") add_links(nodes, names);
  if (options.what == "targets" || options.what == "faulty") {
    for (std::string& name : names_in(control.processes())) names.push_back(std::move(name));
  }
  return names;
}

void complete(const Options& options, Context& context) {
  try {
    for (const std::string& name : candidates(options)) context.out << name << "\n";
  } catch (const base::Error&) {
    // Whoever presses Tab wants to read no errors.
  }
}

}  // namespace

void add_complete(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command<Options>(app, "__complete", "names for completion", "", options,
                                           [&context](const Options& chosen) { complete(chosen, context); });
  command->add_option("WHAT", options->what)
      ->required()
      ->check(CLI::IsMember({"labs", "nodes", "links", "targets", "faulty", "places"}));
  command->add_option("WORD", options->word);
}

}  // namespace commands
