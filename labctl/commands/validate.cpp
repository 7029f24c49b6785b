#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "labctl/commands/arguments.h"
#include "labctl/commands/topology_files.h"
#include "labctl/lab/start.h"

namespace commands {
namespace {

namespace json = boost::json;

struct Options {
  std::vector<std::string> files;
  bool json = false;
};

struct Finding {
  std::string file;
  std::vector<topology::Fault> faults;
  std::string text;  // as it is written for people
};

Finding examine(const std::string& file) {
  try {
    lab::read_manifest_files(lab::read_topology(file));
    return {file, {}, ""};
  } catch (const topology::InvalidTopology& error) {
    return {file, error.faults(), error.what()};
  } catch (const lab::BadInput& error) {
    return {file, {{{}, error.what()}}, error.what()};
  }
}

json::object to_json(const Finding& finding) {
  json::array faults;
  for (const topology::Fault& fault : finding.faults) {
    faults.push_back(json::object{{"line", fault.at.line}, {"column", fault.at.column}, {"message", fault.message}});
  }
  bool valid = faults.empty();
  return {{"file", finding.file}, {"valid", valid}, {"faults", std::move(faults)}};
}

void validate(const Options& options, Context& context) {
  json::array findings;
  for (const std::string& file : topology_files(options.files)) {
    Finding finding = examine(file);
    if (!finding.faults.empty()) context.exit_code = kBadInput;
    if (options.json) {
      findings.push_back(to_json(finding));
    } else if (finding.faults.empty()) {
      context.out << file << ": valid\n";
    } else {
      context.err << finding.text << "\n";
    }
  }
  if (options.json) context.out << json::serialize(json::object{{"files", std::move(findings)}}) << "\n";
}

}  // namespace

void add_validate(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command<Options>(
      app, "validate", "say what is wrong with topologies, all of it, and the mend", kTopologyCommands, options,
      [&context](const Options& chosen) { validate(chosen, context); });
  command->add_option("FILE", options->files, "topologies, or folders of them; - is standard input")
      ->required()
      ->type_name(kFile);
  add_json(*command, options->json);
  command->footer(
      "Faults are written as file:line:column: what, and the mend. Manifests that a topology names by path are read, "
      "too.\n"
      "Ends with 2 where there are any.");
}

}  // namespace commands
