#include "labctl/topology/limits.h"

#include <sys/resource.h>

#include "labctl/topology/values.h"

namespace topology {
namespace {

const std::map<std::string, int>& resources() {
  static const std::map<std::string, int> names{
      {"as", RLIMIT_AS},           {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
      {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},       {"locks", RLIMIT_LOCKS},
      {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
      {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
      {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
      {"stack", RLIMIT_STACK}};
  return names;
}

std::vector<std::string> resource_names() {
  std::vector<std::string> names;
  for (const auto& [name, resource] : resources()) names.push_back(name);
  return names;
}

std::string refuse_resource(const std::string& name) {
  if (resources().count(name) != 0) return {};
  return fmt::format("\"{}\" is no resource of setrlimit(2){}", name, suggestion(name, resource_names()));
}

std::string resource_pattern() {
  std::string names;
  for (const std::string& name : resource_names()) names += (names.empty() ? "" : "|") + name;
  return "^(" + names + ")$";
}

using Value = std::optional<std::uint64_t>;

// "1024", "512M", "unlimited".
std::optional<Value> parse_limit(const yaml::Node& node) {
  static const std::string units = "KMGT";
  if (node.text == "unlimited") return Value{};
  std::size_t unit = node.text.empty() ? std::string::npos : units.find(node.text.back());
  unsigned shift = unit == std::string::npos ? 0 : 10 * static_cast<unsigned>(unit + 1);
  std::optional<std::uint64_t> number =
      parse_unsigned(shift == 0 ? node.text : node.text.substr(0, node.text.size() - 1));
  if (!number || *number > (RLIM_INFINITY - 1) >> shift) return std::nullopt;
  return Value{*number << shift};
}

}  // namespace

Type<std::vector<Limit>> limits_type() {
  Type<Value> value = scalar_type<Value>("a limit (1024, 512M, unlimited)", parse_limit,
                                         {{"type", {"integer", "string"}}, {"pattern", "^([0-9]+[KMGT]?|unlimited)$"}});
  return map_of<Value, std::vector<Limit>>("a mapping of limits", value,
                                           [](std::vector<Limit>& limits, const yaml::Entry& entry, Value limit) {
                                             auto resource = resources().find(entry.key);
                                             if (resource != resources().end())
                                               limits.push_back({entry.key, resource->second, limit});
                                           },
                                           {refuse_resource, resource_pattern()});
}

}  // namespace topology
