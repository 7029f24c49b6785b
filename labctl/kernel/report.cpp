#include "labctl/kernel/report.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "labctl/kernel/probe.h"
#include "labctl/kernel/programs.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"
#include "lib/base/run.h"

namespace kernel {
namespace {

struct Tool {
  const char* name;
  std::vector<std::string> version_arguments;
  const char* package;
  const char* used_for;
};

const std::vector<Tool>& tools() {
  static const std::vector<Tool> list = {
      {"linux.uml", {"--version"}, "user-mode-linux", "the embedded kernel"},
      {"kubectl", {"version", "--client"}, "kubernetes-client", "labctl kubectl"},
      {"ip", {"-V"}, "iproute2", "looking at links, addresses and routes"},
      {"iptables", {"--version"}, "iptables", "agents' rules"},
      {"ipset", {"--version"}, "ipset", "looking at IP sets"},
      // It loads a module when asked anything, its version included.
      {"ipvsadm", {}, "ipvsadm", "looking at IPVS tables"},
      {"nft", {"--version"}, "nftables", "nftables rules"},
      {"conntrack", {"--version"}, "conntrack", "looking at the connection table"},
      {"curl", {"--version"}, "curl", "trying services"},
      {"iperf3", {"--version"}, "iperf3", "measuring throughput"},
      {"tcpdump", {"--version"}, "tcpdump", "capturing packets"},
      {"keepalived", {"--version"}, "keepalived", "topologies with failover"},
      {"nginx", {"-v"}, "nginx-light", "topologies that serve HTTP by nginx"},
      {"etcd", {"--version"}, "etcd-server", "topologies with etcd"},
      {"etcdctl", {"version"}, "etcd-client", "asking etcd"},
      {"mariadbd", {"--version"}, "mariadb-server-core", "topologies with MariaDB"},
      {"mariadb", {"--version"}, "mariadb-client-core", "asking MariaDB"},
      {"modprobe", {"--version"}, "kmod", "modules that no need implied"},
  };
  return list;
}

ToolReport examine(const Tool& tool) {
  ToolReport report{tool.name, "", tool.package, tool.used_for};
  std::string path = find_program(tool.name);
  if (path.empty()) return report;
  report.version = "installed";
  if (tool.version_arguments.empty()) return report;
  try {
    std::vector<std::string> command{path};
    command.insert(command.end(), tool.version_arguments.begin(), tool.version_arguments.end());
    base::RunResult result = base::run_command(command);
    std::string said = result.output.empty() ? result.error_output : result.output;
    if (!said.empty()) report.version = said.substr(0, said.find('\n'));
  } catch (const base::Error&) {
    // That it is there is known already.
  }
  return report;
}

std::string distribution() {
  try {
    std::istringstream lines(base::read_file("/etc/os-release"));
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("PRETTY_NAME=")) continue;
      line.erase(0, std::string("PRETTY_NAME=").size());
      std::erase(line, '"');
      return line;
    }
  } catch (const base::Error&) {
  }
  return "unknown";
}

ProviderReport examine(const Provider& provider) {
  ProviderReport report{provider.name(), provider.kernel_version(), provider.availability(), {}};
  if (!report.availability.available) return report;
  std::vector<std::string> names;
  for (const Need& need : known_needs()) names.push_back(need.name);
  report.needs = provider.serves(names);
  return report;
}

void add_once(std::vector<std::string>& list, const std::string& entry) {
  if (!entry.empty() && std::find(list.begin(), list.end(), entry) == list.end()) list.push_back(entry);
}

}  // namespace

MachineReport examine_machine() {
  MachineReport report;
  utsname system{};
  ::uname(&system);
  report.kernel = std::string(system.sysname) + " " + system.release + " " + system.machine;
  report.distribution = distribution();
  report.user = ::geteuid() == 0 ? "root" : "uid " + std::to_string(::geteuid());
  UserNamespaces namespaces = probe_user_namespaces();
  report.user_namespaces = namespaces.work;
  report.user_namespaces_why = namespaces.why;
  report.user_namespaces_mend = namespaces.mend;
  report.processors = static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN));
  struct sysinfo memory {};
  ::sysinfo(&memory);
  report.memory_mib = memory.totalram * memory.mem_unit / (1024 * 1024);
  for (const std::unique_ptr<Provider>& provider : make_providers()) report.providers.push_back(examine(*provider));
  for (const Tool& tool : tools()) report.tools.push_back(examine(tool));

  add_once(report.mends, namespaces.mend);
  for (const ProviderReport& provider : report.providers) add_once(report.mends, provider.availability.mend);
  for (const ToolReport& tool : report.tools) {
    if (tool.version.empty()) add_once(report.mends, "sudo apt install " + tool.package);
  }
  for (const ProviderReport& provider : report.providers) {
    for (const NeedStatus& status : provider.needs) add_once(report.mends, status.mend);
  }
  return report;
}

}  // namespace kernel
