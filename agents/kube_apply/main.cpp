// kube-apply: applies manifests to an API server that may not be up yet, and waits for what they describe.

#include <fcntl.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <iterator>

#include "agents/kube_apply/apply.h"
#include "agents/kube_apply/remove.h"
#include "agents/kube_apply/wait.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"
#include "lib/kube/manifest.h"

namespace {

struct Options {
  std::string api;
  std::vector<std::string> files;
  std::vector<std::string> removed;
  std::vector<std::string> conditions;
  std::string once;
  double timeout_seconds = 60;
};

std::vector<kube::Object> read_files(const std::vector<std::string>& files) {
  std::vector<kube::Object> objects;
  for (const std::string& file : files) {
    std::string text = file == "-" ? base::read_all(0) : base::read_file(file);
    std::vector<kube::Object> more = kube::read_manifests(text, file == "-" ? "standard input" : file);
    std::move(more.begin(), more.end(), std::back_inserter(objects));
  }
  return objects;
}

void run(const Options& options) {
  std::vector<kube_apply::Condition> conditions;
  for (const std::string& text : options.conditions) conditions.push_back(kube_apply::Condition::parse(text));
  std::vector<kube::Object> objects = read_files(options.files), removed = read_files(options.removed);
  auto timeout = std::chrono::milliseconds(static_cast<int64_t>(options.timeout_seconds * 1000));
  kube_apply::Session session(options.api, kube_apply::Clock::now() + timeout);
  session.wait_until_ready();
  // First, as what is applied may need their ports.
  kube_apply::remove(session, std::move(removed), std::cout);
  // What users have changed since is theirs.
  if (options.once.empty() || !std::filesystem::exists(options.once)) {
    kube_apply::apply(session, objects, std::cout);
    if (!options.once.empty()) base::open_file(options.once, O_WRONLY | O_CREAT, 0644);
  }
  kube_apply::wait_for(session, conditions, objects, std::cout);
}

}  // namespace

int main(int argument_count, char** arguments) {
  Options options;
  CLI::App app("Applies Kubernetes manifests (YAML or JSON) and waits for conditions");
  app.add_option("--api", options.api, "URL of the API server")->required()->envname("API");
  app.add_option("--wait", options.conditions,
                 "nodes, nodes=COUNT, deployments, pods, services, proxies; may be given several times")
      ->allow_extra_args(false);
  app.add_option("--once", options.once, "Apply only where this file is missing, and make it; wait in any case");
  app.add_option("--remove", options.removed, "Manifests of what is to be removed, before anything is applied")
      ->allow_extra_args(false);
  app.add_option("--timeout", options.timeout_seconds, "Seconds for everything together")->capture_default_str();
  app.add_option("FILE", options.files, "Manifests; - is standard input");
  CLI11_PARSE(app, argument_count, arguments);
  ::signal(SIGPIPE, SIG_IGN);
  try {
    run(options);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "kube-apply: " << error.what() << std::endl;
    return 1;
  }
}
