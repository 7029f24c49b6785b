#include "labctl/supervisor/process_start.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "labctl/supervisor/node_files.h"
#include "labctl/supervisor/users.h"
#include "lib/base/error.h"
#include "lib/base/process.h"

namespace supervisor {
namespace {

// What a child does before it becomes the program, in the node.
struct Preparation {
  const plan::Process& process;
  const std::optional<User>& user;
  const std::vector<topology::File>& files;
};

bool is_same(const topology::File& one, const topology::File& other) {
  return one.path == other.path && one.text == other.text && one.mode == other.mode;
}

// Those that are not among WRITTEN: what the node has changed since is the node's.
std::vector<topology::File> files_to_write(const plan::Process& process, const std::vector<topology::File>& written) {
  std::vector<topology::File> files;
  for (const topology::File& file : process.files) {
    auto same = [&](const topology::File& it) { return is_same(it, file); };
    if (std::none_of(written.begin(), written.end(), same)) files.push_back(file);
  }
  return files;
}

void set_limit(const topology::Limit& limit) {
  rlim_t value = limit.value ? *limit.value : RLIM_INFINITY;
  rlimit both{value, value};
  base::check_system("set the limit " + limit.name, ::setrlimit(static_cast<__rlimit_resource>(limit.resource), &both));
}

void prepare(void* argument) {
  const auto& preparation = *static_cast<Preparation*>(argument);
  const std::optional<User>& user = preparation.user;
  write_node_files(preparation.files, user ? user->id : 0, user ? user->group : 0);
  for (const topology::Limit& limit : preparation.process.limits) set_limit(limit);
  if (user) become_user(*user);
}

void add_variables(const User& user, std::map<std::string, std::string>& environment) {
  environment.try_emplace("HOME", user.home);
  environment.try_emplace("USER", user.name);
  environment.try_emplace("LOGNAME", user.name);
}

}  // namespace

pid_t start_process(Node& node, const plan::Process& process, const std::vector<topology::File>& written,
                    const base::FileDescriptor& output) {
  std::optional<User> user;
  base::Program program;
  program.arguments = process.arguments;
  program.environment = process.environment;
  program.working_directory = process.working_directory;
  program.output = program.error = output.get();
  if (!process.user.empty()) {
    user = base::in_context("node " + process.node, [&] { return find_user(process.user, ""); });
    add_variables(*user, program.environment);
    // So that it can open its output by name, too: /dev/stderr.
    base::check_system("give it its output", ::fchown(output.get(), user->id, user->group));
  }
  std::vector<topology::File> files = files_to_write(process, written);
  Preparation preparation{process, user, files};
  program.prepare = prepare;
  program.prepare_argument = &preparation;
  return node.start(program);
}

}  // namespace supervisor
