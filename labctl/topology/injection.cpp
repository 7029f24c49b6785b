#include "labctl/topology/injection.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "labctl/topology/tables.h"
#include "lib/base/error.h"

namespace topology {
namespace {

namespace json = boost::json;

json::array names_to_json(const std::vector<Located<std::string>>& located) {
  json::array names;
  for (const auto& it : located) names.emplace_back(it.value);
  return names;
}

std::string names(const std::vector<Located<std::string>>& located) {
  std::vector<std::string> names;
  for (const auto& it : located) names.push_back(it.value);
  return fmt::format("{}", fmt::join(names, ", "));
}

const char* key_of(TargetFault::What what) {
  static constexpr const char* keys[] = {"kill", "restart", "pause", "resume"};
  return keys[static_cast<int>(what)];
}

const char* key_of(Target::Kind kind) {
  static constexpr const char* keys[] = {"process", "pod", "node"};
  return keys[static_cast<int>(kind)];
}

// The forms that the table of impairments reads.
std::string time_text(std::chrono::microseconds time) {
  return fmt::format("{}us", time.count());
}

std::string share_text(double per_cent) {
  return fmt::format("{:.6f}%", per_cent);
}

json::object impairment_to_json(const netlink::Impairment& impairment) {
  json::object object;
  if (impairment.delay.count() != 0) object["delay"] = time_text(impairment.delay);
  if (impairment.jitter.count() != 0) object["jitter"] = time_text(impairment.jitter);
  if (impairment.loss != 0) object["loss"] = share_text(impairment.loss);
  if (impairment.duplicate != 0) object["duplicate"] = share_text(impairment.duplicate);
  if (impairment.reorder != 0) object["reorder"] = share_text(impairment.reorder);
  if (impairment.rate != 0) object["rate"] = netlink::rate_text(impairment.rate);
  return object;
}

struct ToJson {
  json::object operator()(const TargetFault& fault) const {
    return {{key_of(fault.what), {{key_of(fault.target.kind), fault.target.name.value}}}};
  }
  json::object operator()(const LinkFault& fault) const {
    return {{fault.up ? "linkUp" : "linkDown", fault.link.value}};
  }
  json::object operator()(const Impair& impair) const {
    return {{"impair", {{"link", impair.link.value}, {"impairment", impairment_to_json(impair.impairment)}}}};
  }
  json::object operator()(const Partition& partition) const {
    json::array groups;
    for (const auto& group : partition.groups) groups.push_back(names_to_json(group));
    json::object object{{"groups", std::move(groups)}};
    if (!partition.networks.empty()) object["networks"] = names_to_json(partition.networks);
    return {{"partition", std::move(object)}};
  }
};

struct Description {
  std::string operator()(const TargetFault& fault) const {
    std::string target = fmt::format("{} {}", key_of(fault.target.kind), fault.target.name.value);
    if (fault.what == TargetFault::What::kill) return target + " is killed";
    if (fault.what == TargetFault::What::pause) return target + " is paused";
    return fmt::format("{} {}", key_of(fault.what), target);
  }
  std::string operator()(const LinkFault& fault) const {
    return fmt::format("link {} is {}", fault.link.value, fault.up ? "up" : "down");
  }
  std::string operator()(const Impair& impair) const {
    return fmt::format("link {} is impaired: {}", impair.link.value, netlink::impairment_words(impair.impairment));
  }
  std::string operator()(const Partition& partition) const {
    std::vector<std::string> groups;
    for (const auto& group : partition.groups) groups.push_back(names(group));
    std::string where = partition.networks.empty() ? "all networks" : names(partition.networks);
    return fmt::format("partition of {}: {}", where, fmt::join(groups, " | "));
  }
};

}  // namespace

json::object to_json(const Injection& what) {
  return std::visit(ToJson(), what);
}

Injection parse_injection(const json::object& json) {
  Faults faults;
  Injection what;
  // JSON is YAML.
  yaml::Node node = yaml::parse(json::serialize(json), faults);
  if (faults.empty()) injection_type().decode(node, what, faults);
  if (faults.empty()) return what;
  std::vector<std::string> messages;
  for (const Fault& fault : faults.sorted()) messages.push_back(fault.message);
  throw base::Error(fmt::format("fault: {}", fmt::join(messages, "; ")));
}

std::string describe(const Injection& what) {
  return std::visit(Description(), what);
}

std::pair<std::string, std::string> split_link(const std::string& link) {
  size_t colon = link.rfind(':');
  if (colon == std::string::npos) return {link, ""};
  return {link.substr(0, colon), link.substr(colon + 1)};
}

}  // namespace topology
