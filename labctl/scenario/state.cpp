// Looks at the state of a node: what a command says, and the kernel's tables.
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <set>

#include "labctl/scenario/inspecting.h"
#include "labctl/scenario/look.h"
#include "labctl/scenario/texts.h"
#include "lib/base/error.h"

namespace scenario {
namespace {

namespace json = boost::json;

// "192.168.113.99:8080", "[fd00::1]:80"
std::string end_point(const json::object& object) {
  std::string address = kube::text_at(object, "address");
  const char* form = address.find(':') == std::string::npos ? "{}:{}" : "[{}]:{}";
  return fmt::format(fmt::runtime(form), address, count_at(object, "port"));
}

const json::object* find_service(const json::object& table, const std::string& service) {
  for (const json::value& candidate : kube::array_at(table, "services")) {
    const json::object& object = candidate.as_object();
    if (kube::text_at(object, "protocol") + "://" + end_point(object) == service) return &object;
  }
  return nullptr;
}

std::string counted(const json::object& rule) {
  return fmt::format("[{}:{}] -A {} {}", count_at(rule, "packets"), count_at(rule, "bytes"),
                     kube::text_at(rule, "chain"), kube::text_at(rule, "rule"));
}

}  // namespace

Look look(LabAccess& access, Resolver& resolver, const topology::CommandOutcome& outcome) {
  lab::Command command;
  command.node = resolver.place(outcome.on.value);
  command.arguments = {"sh", "-c", resolver.text(outcome.command, topology::TextKind::command_line)};
  command.timeout = command_patience;
  lab::CommandResult result = access.run(command);
  Look look{false, describe(result)};
  if (result.timed_out || result.exit_code != outcome.exit) return look;
  look.holds =
      !outcome.prints || RE2::PartialMatch(result.output, RE2("(?m)" + resolver.pattern(*outcome.prints), RE2::Quiet));
  return look;
}

Look look(LabAccess& access, Resolver& resolver, const topology::IpvsTable& expected) {
  std::string wanted = resolver.text(expected.service);
  json::object table = inspect(access, resolver.place(expected.on.value), {"ipvs"});
  const json::object* service = find_service(table, wanted);
  if (service == nullptr) return {false, fmt::format("no such virtual service\n{}", kube::text_at(table, "text"))};
  // One of weight 0 finishes what it has begun and takes no new connections: a proxy leaves a server so that has gone.
  std::set<std::string> servers, draining;
  for (const json::value& server : kube::array_at(*service, "servers")) {
    (count_at(server.as_object(), "weight") == 0 ? draining : servers).insert(end_point(server.as_object()));
  }
  Look look{true, servers.empty() ? "it has no servers" : fmt::format("its servers are {}", fmt::join(servers, ", "))};
  if (!draining.empty()) look.seen += fmt::format(" (of weight 0: {})", fmt::join(draining, ", "));
  if (expected.servers) {
    std::vector<std::string> exactly = resolver.texts(*expected.servers);
    look.holds = servers == std::set<std::string>(exactly.begin(), exactly.end());
    if (!look.holds) look.seen += fmt::format(", not exactly {}", fmt::join(exactly, ", "));
  }
  if (expected.count) look.holds = look.holds && servers.size() == *expected.count;
  return look;
}

Look look(LabAccess& access, Resolver& resolver, const topology::IpsetMembers& expected) {
  std::string name = resolver.text(expected.set);
  json::object table = inspect(access, resolver.place(expected.on.value), {"ipset", name});
  const json::array& sets = kube::array_at(table, "sets");
  if (sets.empty()) return {false, "no such set"};
  std::vector<std::string> members = kube::strings_at(sets.front().as_object(), "entries");
  std::vector<std::string> missing;
  for (const std::string& member : resolver.texts(expected.contains)) {
    if (std::find(members.begin(), members.end(), member) == members.end()) missing.push_back(member);
  }
  std::string seen = members.empty() ? "it is empty" : fmt::format("it has{}", one_per_line(members));
  if (missing.empty()) return {true, seen};
  return {false, fmt::format("it lacks {}; {}", fmt::join(missing, ", "), seen)};
}

Look look(LabAccess& access, Resolver& resolver, const topology::ConntrackEntry& expected) {
  std::vector<std::string> words = resolver.texts(expected.fields);
  json::object table = inspect(access, resolver.place(expected.on.value), {"conntrack"});
  std::vector<std::string> lines, found;
  for (const json::value& entry : kube::array_at(table, "entries")) {
    lines.push_back(kube::text_at(entry.as_object(), "line"));
    if (has_words_in_order(lines.back(), words)) found.push_back(lines.back());
  }
  bool holds = expected.count ? found.size() == *expected.count : found.size() >= expected.at_least.value_or(1);
  if (found.size() == 1) return {holds, found.front()};
  if (!found.empty()) return {holds, fmt::format("{} entries:{}", found.size(), one_per_line(found))};
  if (lines.empty()) return {holds, "the connection table is empty"};
  return {holds, fmt::format("no entry has all of them in this order, of{}", one_per_line(lines))};
}

Look look(LabAccess& access, Resolver&, const topology::ProcessStatus& expected) {
  for (const json::value& it : access.processes()) {
    const json::object& process = it.as_object();
    if (kube::text_at(process, "name") != expected.process.value) continue;
    std::string state = kube::text_at(process, "state");
    std::uint64_t restarts = count_at(process, "restarts");
    bool holds = state == expected.state.value_or(state) && restarts >= expected.restarts.value_or(0);
    std::string ending =
        process.contains("exit") ? fmt::format(", exit code {}", kube::number_at(process, "exit")) : "";
    return {holds, fmt::format("it is {}{}, and was restarted {} times", state, ending, restarts)};
  }
  return {false, "the lab has no such process"};
}

Look look(LabAccess& access, Resolver& resolver, const topology::RuleCounter& expected) {
  std::string wanted = resolver.text(expected.rule);
  json::object table = inspect(access, resolver.place(expected.on.value), {"rules", expected.table});
  std::vector<std::string> found, all;
  std::uint64_t packets = 0;
  for (const json::value& rule : kube::array_at(table, "rules")) {
    all.push_back(counted(rule.as_object()));
    if (all.back().find(wanted) == std::string::npos) continue;
    found.push_back(all.back());
    packets += count_at(rule.as_object(), "packets");
  }
  if (found.empty()) {
    return {false, all.empty() ? fmt::format("table {} has no rules", expected.table)
                               : fmt::format("no rule of table {} has this text{}", expected.table, one_per_line(all))};
  }
  bool holds =
      (!expected.packets || packets == *expected.packets) && (!expected.at_least || packets >= *expected.at_least);
  return {holds, fmt::format("{} packets{}", packets, one_per_line(found))};
}

Look look(LabAccess& access, Resolver& resolver, const topology::Expectation& expectation) {
  return std::visit([&](const auto& it) { return look(access, resolver, it); }, expectation);
}

}  // namespace scenario
