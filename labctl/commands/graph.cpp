#include "labctl/graph/graph.h"

#include <fcntl.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <map>

#include "labctl/commands/arguments.h"
#include "labctl/lab/start.h"
#include "lib/base/file_descriptor.h"
#include "lib/kube/objects.h"

namespace commands {
namespace {

struct Options {
  std::string what;
  std::string format;
  std::string output;
};

// Whatever looks like a path is one; another word is a lab's name first.
bool is_file(const std::string& what) {
  if (what == "-" || what.find('/') != std::string::npos) return true;
  if (what.ends_with(".yaml") || what.ends_with(".yml")) return true;
  for (const lab::LabFolder& folder : lab::living_labs()) {
    if (folder.name == what) return false;
  }
  return std::filesystem::exists(what);
}

graph::Graph graph_of_lab(const std::string& name) {
  lab::Control control = control_of(name);
  boost::json::object written = control.get("/v1/topology");
  topology::Topology topology = topology::parse(kube::text_at(written, "text"), kube::text_at(written, "path"));
  graph::Graph graph = graph::of_topology(topology);
  graph.name = name;
  boost::json::object faults = control.get("/v1/faults");
  graph::add_state(graph, control.nodes(), control.processes(), kube::array_at(faults, "faults"));
  return graph;
}

std::string format_of(const Options& options) {
  if (!options.format.empty()) return options.format;
  static const std::map<std::string, std::string> formats{{"", "mermaid"},     {".mmd", "mermaid"}, {".md", "mermaid"},
                                                          {".txt", "mermaid"}, {".svg", "svg"},     {".dot", "dot"},
                                                          {".gv", "dot"}};
  std::string extension = std::filesystem::path(options.output).extension();
  auto found = formats.find(extension);
  if (found != formats.end()) return found->second;
  throw CLI::ValidationError(
      "--output", "no format has the extension " + extension + ": say --format, or name it .svg, .dot or .mmd");
}

void draw(const Options& options, Context& context) {
  std::string format = format_of(options);
  graph::Graph graph =
      is_file(options.what) ? graph::of_topology(lab::read_topology(options.what)) : graph_of_lab(options.what);
  std::string picture = format == "svg"   ? graph::to_svg(graph)
                        : format == "dot" ? graph::to_dot(graph)
                                          : graph::to_mermaid(graph);
  if (options.output.empty() || options.output == "-") {
    context.out << picture;
    return;
  }
  base::write_all(base::open_file(options.output, O_WRONLY | O_CREAT | O_TRUNC, 0666).get(), picture);
}

}  // namespace

void add_graph(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command<Options>(app, "graph", "draw a topology, or a running lab as it is now", kTopologyCommands, options,
                           [&context](const Options& chosen) { draw(chosen, context); });
  command->add_option("FILE|LAB", options->what, "a topology, - for standard input, or the name of a running lab")
      ->required()
      ->type_name(kFileOrLab);
  command->add_option("--format", options->format, "mermaid, dot (of Graphviz) or svg; guessed from the output's name")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"mermaid", "dot", "svg"}));
  command->add_option("-o,--output", options->output, "the file to write; standard output if not given")
      ->type_name("PATH");
  command->footer(
      "Of a lab, what was killed and which links are down are shown, and its pods with their addresses.\n"
      "Documents on GitHub show Mermaid in a code block of that name.");
}

}  // namespace commands
