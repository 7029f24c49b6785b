#include "labctl/scenario/remains.h"

#include <sys/stat.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

#include "labctl/plan/plan.h"
#include "labctl/scenario/resolver.h"
#include "lib/base/error.h"
#include "lib/kube/objects.h"

namespace scenario {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

// One program after the other, in one go: each start of one costs tens of milliseconds in user-mode Linux. What a
// kernel or a machine does not have is left out.
std::string node_script() {
  return std::string(
             "f() { echo \"== $1\"; shift; \"$@\" 2>&1; }\n"
             "f addresses ip addr\nf routes ip route show table all\nf neighbours ip neighbour\nf links ip -s link\n"
             "f sockets ss -antup\nf processes ps -ef\n") +
         "p=" + plan::libexec_folder +
         "/inspect\n"
         "for t in raw mangle nat filter; do f rules-$t.json $p rules $t; done\n"
         "f ipvs.json $p ipvs\nf conntrack.json $p conntrack\nf ipset.json $p ipset\n"
         "f links.json $p links\nf routes.json $p routes\nf neighbours.json $p neighbours\nf fdb.json $p fdb\n";
}

void split_into_files(const std::string& text, const fs::path& folder) {
  std::string section, name;
  auto finish = [&] {
    if (!name.empty() && !section.empty()) write(folder / name, section);
    section.clear();
  };
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("== ") && line.find('/') == std::string::npos) {
      finish();
      name = line.substr(3);
    } else {
      section += line + "\n";
    }
  }
  finish();
}

void attempt(const std::function<void()>& function) {
  try {
    function();
  } catch (const std::exception&) {
  }
}

// What programs wrote is nobody else's to read.
void make_private_folder(const fs::path& folder) {
  fs::create_directories(folder.parent_path());
  if (::mkdir(folder.c_str(), 0700) < 0 && errno != EEXIST) throw base::Error::system("make " + folder.string());
}

// A pod's "default/web" is one name.
std::string as_file_name(std::string name) {
  for (char& c : name) {
    if (c == '/') c = '_';
  }
  return name;
}

void save_processes(LabAccess& access, const fs::path& folder) {
  fs::create_directories(folder / "processes");
  boost::json::array processes = access.processes();
  write(folder / "processes.json", boost::json::serialize(processes) + "\n");
  for (const boost::json::value& process : processes) {
    std::string name = kube::text_at(process.as_object(), "name");
    attempt([&] { write(folder / "processes" / (as_file_name(name) + ".log"), access.process_log(name)); });
  }
}

void save_nodes(LabAccess& access, const fs::path& folder) {
  for (const boost::json::value& it : access.nodes()) {
    attempt([&] {
      lab::Command command;
      command.node = kube::text_at(it.as_object(), "name");
      command.arguments = {"sh", "-c", node_script()};
      command.timeout = std::chrono::seconds(30);
      fs::path target = folder / "nodes" / as_file_name(command.node);
      fs::create_directories(target);
      split_into_files(access.run(command).output, target);
    });
  }
}

std::string output_of(LabAccess& access, const std::string& node, const std::string& script) {
  lab::Command command;
  command.node = node;
  command.arguments = {"sh", "-c", "cd /run/labctl-capture/*/ && " + script};
  command.timeout = std::chrono::seconds(60);
  return access.run(command).output;
}

// What the capture steps have recorded, as pcapng.
void save_captures(LabAccess& access, const topology::Topology& topology, const fs::path& folder) {
  std::set<std::string> nodes;
  for (const topology::Step& step : topology.scenario) {
    const auto* capture = std::get_if<topology::Capture>(&step.action);
    if (capture != nullptr) nodes.insert(Resolver(access, topology).place(capture->on.value));
  }
  for (const std::string& node : nodes) {
    std::istringstream names(output_of(access, node, "ls -- *.pcapng 2>/dev/null"));
    for (std::string name; std::getline(names, name);) {
      fs::create_directories(folder / "captures");
      std::string target = as_file_name(node + " " + name);
      std::replace(target.begin(), target.end(), ' ', '-');
      write(folder / "captures" / target, output_of(access, node, "cat -- '" + name + "'"));
    }
  }
}

}  // namespace

void save_logs(const lab::LabFolder& lab, const fs::path& folder) {
  make_private_folder(folder);
  for (const fs::path& log : {lab.lab_log(), lab.guest_log()}) {
    std::error_code ignored;
    if (fs::exists(log, ignored) && fs::file_size(log, ignored) > 0) {
      fs::copy_file(log, folder / log.filename(), fs::copy_options::overwrite_existing, ignored);
    }
  }
}

void save_result(const RunResult& result) {
  write(fs::path(result.folder) / "result.json", boost::json::serialize(to_json(result)) + "\n");
}

void save_remains(LabAccess& access, const topology::Topology& topology, const lab::LabFolder& lab,
                  const fs::path& folder) {
  make_private_folder(folder);
  attempt([&] { write(folder / "events.jsonl", access.events()); });
  attempt([&] { write(folder / "faults.json", boost::json::serialize(access.faults()) + "\n"); });
  attempt([&] { save_processes(access, folder); });
  attempt([&] { save_nodes(access, folder); });
  attempt([&] { save_captures(access, topology, folder); });
  attempt([&] { save_logs(lab, folder); });
  std::error_code ignored;
  if (fs::exists(topology.path, ignored)) {
    fs::copy_file(topology.path, folder / fs::path(topology.path).filename(), fs::copy_options::overwrite_existing,
                  ignored);
  }
}

}  // namespace scenario
