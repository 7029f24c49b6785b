#include <algorithm>
#include <boost/json/object.hpp>

#include "labctl/graph/graph.h"
#include "lib/kube/objects.h"

namespace graph {
namespace {

namespace json = boost::json;

template <class Named>
Named* find(std::vector<Named>& all, const std::string& name) {
  auto found = std::find_if(all.begin(), all.end(), [&](const Named& it) { return it.name == name; });
  return found == all.end() ? nullptr : &*found;
}

// Without link-local ones (RFC 4291, 2.5.6), which are everywhere.
std::vector<std::string> addresses_of(const json::object& link) {
  std::vector<std::string> addresses = kube::strings_at(link, "addresses");
  std::erase_if(addresses, [](const std::string& address) { return address.starts_with("fe80:"); });
  return addresses;
}

bool is_false(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && !value->as_bool();
}

// What agents have made in the node is shown as well, where it has an address; whether it is up is their affair.
void add_links(Node& node, const json::object& from) {
  for (const json::value& value : kube::array_at(from, "links")) {
    const json::object& it = value.as_object();
    std::string name = kube::text_at(it, "name");
    if (name == "lo") continue;
    std::vector<std::string> addresses = addresses_of(it);
    Link* link = find(node.links, name);
    if (link == nullptr && addresses.empty()) continue;
    if (link == nullptr) {
      node.links.push_back({name, kube::text_at(it, "kind"), {}, std::move(addresses), false});
      continue;
    }
    link->addresses = std::move(addresses);
    link->down = is_false(it, "up");
  }
}

Pod pod_of(const json::object& from) {
  Pod pod{kube::text_at(from, "name"), {}, kube::text_at(from, "state") == "killed"};
  for (const json::value& link : kube::array_at(from, "links")) {
    if (kube::text_at(link.as_object(), "name") == "lo") continue;
    for (const std::string& address : addresses_of(link.as_object())) {
      if (pod.address.empty()) pod.address = address.substr(0, address.find('/'));
    }
  }
  return pod;
}

// A cable that was pulled out leaves its link up, without a carrier.
void take_down(Graph& graph, const std::string& link) {
  Node* node = find(graph.nodes, link.substr(0, link.find(':')));
  Link* found = node == nullptr ? nullptr : find(node->links, link.substr(link.find(':') + 1));
  if (found != nullptr) found->down = true;
}

void add_processes(Graph& graph, const json::array& processes) {
  for (const json::value& value : processes) {
    const json::object& it = value.as_object();
    std::string state = kube::text_at(it, "state"), name = kube::text_at(it, "name");
    Node* node = find(graph.nodes, kube::text_at(it, "node"));
    if (node == nullptr || node->killed || state == "ready") continue;
    name = name.substr(0, name.find('@'));
    auto its = std::find_if(node->services.begin(), node->services.end(), [&](const std::string& service) {
      return service == name || service.starts_with(name + ": ");
    });
    if (its == node->services.end()) its = node->services.insert(its, name);
    *its += " (" + state + ")";
  }
}

}  // namespace

void add_state(Graph& graph, const json::array& nodes, const json::array& processes, const json::array& faults) {
  for (const json::value& value : nodes) {
    const json::object& it = value.as_object();
    if (kube::text_at(it, "kind") == "pod") {
      if (Node* host = find(graph.nodes, kube::text_at(it, "host"))) host->pods.push_back(pod_of(it));
    } else if (Node* node = find(graph.nodes, kube::text_at(it, "name"))) {
      node->killed = kube::text_at(it, "state") == "killed";
      add_links(*node, it);
    }
  }
  add_processes(graph, processes);
  for (const json::value& value : faults) {
    const json::object& it = value.as_object();
    graph.faults.push_back(kube::text_at(it, "what"));
    if (std::string link = kube::text_at(it, "fault.linkDown"); !link.empty()) take_down(graph, link);
  }
}

}  // namespace graph
