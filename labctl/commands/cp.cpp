#include <CLI/CLI.hpp>
#include <filesystem>

#include "labctl/commands/arguments.h"
#include "labctl/commands/copy.h"
#include "labctl/commands/place.h"
#include "labctl/commands/progress.h"
#include "labctl/commands/terminal.h"

namespace commands {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string source;
  std::string destination;
  bool recursive = false;
};

// For progress: what cannot be looked at counts nothing.
std::uint64_t size_of(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return fs::file_size(path, error);
  std::uint64_t size = 0;
  auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator entry(path, options, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored) && !entry->is_symlink(ignored)) size += entry->file_size(ignored);
  }
  return size;
}

std::optional<NodePlace> place_of(const std::string& argument, const std::string& text) {
  try {
    return parse_node_place(text);
  } catch (const base::Error& error) {
    throw CLI::ValidationError(argument, error.what());
  }
}

void copy(const Options& options, Context& context) {
  std::optional<NodePlace> from = place_of("SOURCE", options.source), to = place_of("DESTINATION", options.destination);
  if (from.has_value() == to.has_value()) {
    throw CLI::ValidationError("SOURCE, DESTINATION", "one of the two, and not both, has to be LAB:NODE:PATH");
  }
  const NodePlace& place = from ? *from : *to;
  lab::Control control = control_of(place.lab);
  check_node(control, place.node);
  ByteProgress progress(context.err, is_terminal(2), "cp", from ? 0 : size_of(options.source));
  CopyOptions how{options.recursive, [&](std::uint64_t bytes) { progress.show(bytes); }};
  if (from) {
    copy_out(control, place, options.destination, how);
  } else {
    copy_in(control, options.source, place, how);
  }
}

}  // namespace

void add_cp(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command<Options>(app, "cp", "copy files into a node or out of it", kLabCommands, options,
                                           [&context](const Options& chosen) { copy(chosen, context); });
  command->add_option("SOURCE", options->source, "a path here, or LAB:NODE:PATH")->required()->type_name(kPlace);
  command->add_option("DESTINATION", options->destination, "the same; one of the two is in a node")
      ->required()
      ->type_name(kPlace);
  command->add_flag("-r,--recursive", options->recursive, "copy folders with all that is in them");
  command->footer(
      "As cp(1): into the destination where that is a folder, else to that name. Permissions are kept, owners are "
      "not;\n"
      "what comes out of a lab has no set-id bits. A path here that has a ':' is written ./a:b.");
}

}  // namespace commands
