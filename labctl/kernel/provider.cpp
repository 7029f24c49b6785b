#include "labctl/kernel/provider.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>

#include "labctl/kernel/modules.h"
#include "labctl/kernel/probe.h"
#include "labctl/kernel/programs.h"
#include "labctl/kernel/uml.h"
#include "lib/base/error.h"
#include "lib/base/run.h"

namespace kernel {

namespace fs = std::filesystem;

namespace {

class HostProvider : public Provider {
 public:
  std::string name() const override { return "host"; }

  std::string kernel_version() const override {
    utsname system{};
    ::uname(&system);
    return std::string(system.sysname) + " " + system.release;
  }

  Availability availability() const override {
    UserNamespaces namespaces = probe_user_namespaces();
    return {namespaces.work, namespaces.why, namespaces.mend};
  }

  std::vector<NeedStatus> serves(const std::vector<std::string>& needs) const override { return probe_host(needs); }
};

class UmlProvider : public Provider {
 public:
  std::string name() const override { return "uml"; }

  std::string kernel_version() const override {
    std::string number = release();
    return number.empty() ? "user-mode Linux" : "user-mode Linux " + number;
  }

  Availability availability() const override {
    if (::access(kUmlKernel, X_OK) != 0) {
      return {false, "user-mode Linux is not installed", "sudo apt install user-mode-linux"};
    }
    UserNamespaces namespaces = probe_user_namespaces();
    return {namespaces.work, namespaces.why, namespaces.mend};
  }

  std::vector<NeedStatus> serves(const std::vector<std::string>& needs) const override {
    std::vector<NeedStatus> statuses;
    try {
      ModuleTree tree(fs::path(kUmlModules) / release());
      for (const std::string& need : needs) statuses.push_back(status_of(need, tree));
    } catch (const base::Error& error) {
      for (const std::string& need : needs) {
        statuses.push_back({need, false, error.what(), "sudo apt install user-mode-linux"});
      }
    }
    return statuses;
  }

 private:
  static std::string release() {
    if (::access(kUmlKernel, X_OK) != 0) return {};
    try {
      std::string said = base::run_command({kUmlKernel, "--version"}).output;
      return said.substr(0, said.find_first_of("\r\n"));
    } catch (const base::Error&) {
      return {};
    }
  }

  static NeedStatus status_of(const std::string& name, const ModuleTree& tree) {
    const Need* need = find_need(name);
    if (need == nullptr) return {name, false, "labctl knows no need of this name", ""};
    if (!need->not_in_uml.empty()) return {name, false, need->not_in_uml, ""};
    if (!need->program.empty() && !program_exists(need->program)) {
      return {name, false, need->program + " is not installed", "sudo apt install " + need->package};
    }
    for (const std::string& module : need->modules) {
      if (!tree.has(module)) return {name, false, "the module " + module + " is not in " + kUmlModules, ""};
    }
    return {name, true, "", ""};
  }
};

}  // namespace

std::unique_ptr<Provider> make_host_provider() {
  return std::make_unique<HostProvider>();
}

std::unique_ptr<Provider> make_uml_provider() {
  return std::make_unique<UmlProvider>();
}

std::vector<std::unique_ptr<Provider>> make_providers() {
  std::vector<std::unique_ptr<Provider>> providers;
  providers.push_back(make_host_provider());
  providers.push_back(make_uml_provider());
  return providers;
}

}  // namespace kernel
