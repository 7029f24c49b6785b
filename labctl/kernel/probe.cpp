#include "labctl/kernel/probe.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <optional>

#include "labctl/kernel/loopback.h"
#include "labctl/kernel/modules.h"
#include "labctl/kernel/probe_table.h"
#include "labctl/kernel/programs.h"
#include "labctl/kernel/user_namespace.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace kernel {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

std::string release() {
  utsname system{};
  ::uname(&system);
  return system.release;
}

// The host's modules, where it has any: using what is not loaded would load it, and it would stay.
class HostModules {
 public:
  HostModules() : modular_(fs::exists("/proc/modules")) {
    fs::path folder = fs::path("/lib/modules") / release();
    if (!modular_ || !fs::exists(folder / "modules.builtin") || !fs::exists(folder / "modules.dep")) return;
    tree_.emplace(folder);
  }

  // A kernel without modules cannot be given any.
  std::string mend_for(const Need& need) const {
    return modular_ || !need.host_mend.starts_with("sudo modprobe") ? need.host_mend : "";
  }

  // The first module that NEED lacks; empty where it lacks none, or where nobody can know but by trying.
  std::string lacking(const Need& need) const {
    if (!tree_) return {};
    for (const std::string& module : need.modules) {
      // Not every kernel has a module of that name; what is missing shows by trying.
      if (!tree_->has(module) || tree_->is_builtin(module)) continue;
      if (!fs::exists("/sys/module/" + module)) return module;
    }
    return {};
  }

 private:
  bool modular_;
  std::optional<ModuleTree> tree_;
};

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

// In the throw-away namespaces: tries one need after the other, each by itself.
json::array try_needs(const std::vector<std::string>& needs) {
  // iptables' lock lies in /run, where only root may write otherwise.
  ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  ::mount("labctl", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "");
  set_loopback_up();
  json::array results;
  for (const std::string& need : needs) {
    std::string why;
    try {
      try_need(need);
    } catch (const base::Error& error) {
      why = first_line(error.what());
    }
    results.push_back(json::object{{"need", need}, {"why", why}});
  }
  return results;
}

json::object run_in_throw_away_namespaces(const std::vector<std::string>& needs) {
  base::Pipe answers = base::make_pipe();
  auto tell = [&](const json::object& answer) { base::write_all(answers.write_end.get(), json::serialize(answer)); };
  auto child = [&] {
    tell({{"results", try_needs(needs)}});
    ::_exit(0);
  };
  pid_t pid = fork_in_user_namespace(
      CLONE_NEWNET | CLONE_NEWNS, [] {}, child,
      [&](const base::Error& error) {
        tell({{"error", error.what()}});
      });
  answers.write_end.reset();
  std::string text = base::read_all(answers.read_end.get());
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  boost::system::error_code error;
  json::value answer = json::parse(text, error);
  if (error || !answer.is_object()) throw base::Error("the probe of the host's kernel ended without an answer");
  return answer.get_object();
}

}  // namespace

UserNamespaces probe_user_namespaces() {
  json::object answer = run_in_throw_away_namespaces({});
  const json::value* error = answer.if_contains("error");
  if (error == nullptr) return {true, "", ""};
  return {false, std::string(error->as_string()), find_user_namespace_obstacle().mend};
}

std::vector<NeedStatus> probe_host(const std::vector<std::string>& names) {
  HostModules modules;
  std::vector<NeedStatus> statuses;
  std::vector<std::string> to_try;
  for (const std::string& name : names) {
    NeedStatus status{name, false, "", ""};
    const Need* need = find_need(name);
    if (need == nullptr) {
      status.why = "labctl knows no need of this name";
    } else if (!need->program.empty() && !program_exists(need->program)) {
      status.why = need->program + " is not installed";
      status.mend = "sudo apt install " + need->package;
    } else if (std::string module = modules.lacking(*need); !module.empty()) {
      status.why = "the module " + module + " is not loaded";
      status.mend = "sudo modprobe " + module;
    } else {
      to_try.push_back(name);
    }
    statuses.push_back(status);
  }
  if (to_try.empty()) return statuses;
  json::object answer = run_in_throw_away_namespaces(to_try);
  if (const json::value* error = answer.if_contains("error")) throw base::Error(std::string(error->as_string()));
  for (const json::value& result : answer.at("results").as_array()) {
    for (NeedStatus& status : statuses) {
      if (status.need != result.at("need").as_string()) continue;
      status.why = result.at("why").as_string();
      status.works = status.why.empty();
      if (!status.works) status.mend = modules.mend_for(*find_need(status.need));
    }
  }
  return statuses;
}

}  // namespace kernel
