#include "labctl/lab/start.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>

#include "labctl/kernel/programs.h"
#include "labctl/lab/agent_programs.h"
#include "labctl/lab/capture_filters.h"
#include "lib/base/file_descriptor.h"
#include "lib/kube/manifest.h"

namespace lab {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

constexpr std::size_t kLargestTopology = 1 << 20;    // that of topology::yaml::Limits
constexpr std::size_t kLargestManifests = 16 << 20;  // that of kube::parse_manifests

bool is_standard_input(const std::string& path) {
  return path == "-";
}

// Never more than LIMIT, whatever the file turns out to be.
std::string read_limited(const std::string& path, std::size_t limit) {
  base::FileDescriptor file = is_standard_input(path)
                                  ? base::FileDescriptor(::fcntl(0, F_DUPFD_CLOEXEC, 3))
                                  : base::FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  base::check_system("read " + path, file.get());
  std::string text(limit + 1, '\0');
  std::size_t size = 0;
  while (size <= limit) {
    ssize_t count = ::read(file.get(), text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (base::check_system("read " + path, count) == 0) break;
    size += static_cast<std::size_t>(count);
  }
  if (size > limit) throw base::Error(path + " is larger than " + std::to_string(limit >> 20) + " MiB");
  text.resize(size);
  return text;
}

template <class Function>
auto as_input(Function&& function) {
  try {
    return function();
  } catch (const base::Error& error) {
    throw BadInput(error);
  }
}

std::string read_topology_text(const std::string& path) {
  return as_input([&] { return read_limited(path, kLargestTopology); });
}

topology::Topology parse_topology(const std::string& text, const std::string& path) {
  topology::Topology topology = topology::parse(text, is_standard_input(path) ? "stdin" : path);
  check_filters(topology);
  return topology;
}

fs::path folder_of(const std::string& topology_path) {
  return topology_path == "stdin" ? fs::path() : fs::path(topology_path).parent_path();
}

std::string manifests_as_list(const std::string& path) {
  json::array items;
  for (kube::Object& object : kube::read_manifests(read_limited(path, kLargestManifests), path)) {
    items.push_back(std::move(object));
  }
  return json::serialize(json::object{{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}});
}

kernel::LabSpec make_spec(const Prepared& prepared, const std::string& path, std::string text,
                          const StartOptions& options) {
  kernel::LabSpec spec;
  spec.name = prepared.plan.lab;
  spec.provider = prepared.choice.provider;
  spec.kernel_version = prepared.choice.kernel_version;
  spec.reason = prepared.choice.reason;
  for (const plan::Need& need : prepared.plan.needs) spec.needs.push_back(need.need);
  if (options.memory_mib != 0) spec.memory_mib = options.memory_mib;
  spec.topology_path = is_standard_input(path) ? "stdin" : fs::absolute(path).lexically_normal().string();
  spec.topology_text = std::move(text);
  spec.files = read_manifest_files(prepared.topology);
  for (const topology::Mount& mount : prepared.topology.mounts) {
    spec.mounts.push_back({mount.source, mount.target, mount.writable});
  }
  for (kernel::Mount& mount : mounts_of_agent_programs(prepared.topology)) spec.mounts.push_back(std::move(mount));
  if (options.time_to_live) spec.options["ttlSeconds"] = options.time_to_live->count();
  return spec;
}

// Whoever starts a stranger's topology must not find files of theirs changed.
void check_writable_mounts(const topology::Topology& topology) {
  for (const topology::Mount& mount : topology.mounts) {
    if (!mount.writable) continue;
    std::string place = std::to_string(mount.at.line) + ":" + std::to_string(mount.at.column);
    throw BadInput(base::Error(topology.path + ":" + place + ": the lab may write " + mount.source + " of this host")
                       .with_mend("if you trust the file, say --allow-writable; or leave out \"writable: true\""));
  }
}

}  // namespace

topology::Topology read_topology(const std::string& path) {
  return parse_topology(read_topology_text(path), path);
}

std::map<std::string, std::string> read_manifest_files(const topology::Topology& topology) {
  std::map<std::string, std::string> files;
  for (const topology::Manifest& manifest : topology.manifests) {
    if (manifest.path.empty() || files.contains(manifest.path)) continue;
    std::string path = (folder_of(topology.path) / manifest.path).string();
    files[manifest.path] = as_input([&] { return manifests_as_list(path); });
  }
  return files;
}

namespace {

void check_programs(const plan::Plan& plan) {
  for (const plan::NeededProgram& program : plan.programs) {
    if (kernel::program_exists(program.name)) continue;
    throw CannotRun(base::Error(program.asked_by.front() + ": " + program.name + " is not installed")
                        .with_mend("sudo apt install " + program.package));
  }
}

}  // namespace

kernel::Choice choose_kernel(const plan::Plan& plan, const std::optional<std::string>& override) {
  check_programs(plan);
  std::vector<kernel::AskedNeed> needs;
  for (const plan::Need& need : plan.needs) needs.push_back({need.need, need.asked_by});
  try {
    return kernel::choose(needs, override);
  } catch (const base::Error& error) {
    throw CannotRun(error);
  }
}

Prepared prepare(const std::string& topology_path, const StartOptions& options) {
  Prepared prepared;
  std::string text = read_topology_text(topology_path);
  prepared.topology = parse_topology(text, topology_path);
  if (!options.allow_writable) check_writable_mounts(prepared.topology);
  prepared.plan = plan::make_plan(prepared.topology, options.name);
  prepared.folder = as_input([&] { return lab_folder(prepared.plan.lab); });
  prepared.choice = choose_kernel(prepared.plan, options.kernel);
  prepared.spec = make_spec(prepared, topology_path, std::move(text), options);
  return prepared;
}

void start(const Prepared& prepared, const std::function<void(const kernel::Progress&)>& on_progress, int interrupt,
           const std::function<void()>& on_failure) {
  kernel::LabFiles files = make_lab_files(prepared.folder);
  try {
    kernel::start_lab(prepared.spec, std::move(files), kernel::Installation::find(), on_progress, interrupt);
  } catch (const base::Error&) {
    if (on_failure) on_failure();
    remove_lab(prepared.folder);
    throw;
  }
}

}  // namespace lab
