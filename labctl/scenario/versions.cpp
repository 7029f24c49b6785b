#include "labctl/scenario/versions.h"

#include <re2/re2.h>

#include <boost/json.hpp>
#include <sstream>

#include "lib/base/error.h"
#include "lib/kube/objects.h"

namespace scenario {
namespace {

struct Tool {
  const char* name;
  const char* program;
  const char* asked;  // the option by which it tells
};

constexpr Tool tools[] = {{"iproute2", "ip", "-V"},
                          {"iptables", "iptables", "--version"},
                          {"nftables", "nft", "--version"},
                          {"ipset", "ipset", "--version"},
                          {"ipvsadm", "ipvsadm", "--version"},
                          {"conntrack", "conntrack", "--version"},
                          {"keepalived", "keepalived", "--version"},
                          {"etcd", "etcd", "--version"},
                          {"mariadb", "mariadbd", "--version"},
                          {"nginx", "nginx", "-v"},
                          {"dnsmasq", "dnsmasq", "--version"}};

// One line a tool, "NAME: what it says first", all in one go: each start of a shell costs. One that fails says
// something else than its version, as ipvsadm does without IPVS.
std::string script() {
  std::string text;
  for (const Tool& tool : tools) {
    text += std::string("said=$(") + tool.program + " " + tool.asked + " 2>&1) && echo \"" + tool.name +
            ": $(echo \"$said\" | head -n 1)\"\n";
  }
  return text + "true\n";
}

std::vector<std::pair<std::string, std::string>> versions_in(const std::string& text) {
  static const RE2 line("^([a-z0-9]+): .*?([0-9]+(?:\\.[0-9]+)+)");
  std::vector<std::pair<std::string, std::string>> versions;
  std::istringstream stream(text);
  for (std::string words, tool, version; std::getline(stream, words);) {
    if (RE2::PartialMatch(words, line, &tool, &version)) versions.emplace_back(tool, version);
  }
  return versions;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> tool_versions(LabAccess& access) {
  try {
    for (const boost::json::value& node : access.nodes()) {
      lab::Command command;
      command.node = kube::text_at(node.as_object(), "name");
      command.arguments = {"sh", "-c", script()};
      command.timeout = std::chrono::seconds(20);
      return versions_in(run_checked(access, command));
    }
  } catch (const base::Error&) {
  }
  return {};
}

}  // namespace scenario
