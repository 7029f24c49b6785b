#include "labctl/scenario/resolver.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "labctl/plan/plan.h"
#include "labctl/scenario/probing.h"
#include "lib/base/error.h"
#include "lib/base/http.h"

namespace scenario {
namespace {

using topology::PodReference;
using topology::Reference;
using topology::ServiceReference;

// What a regular expression would take for something else (ECMAScript).
std::string literally(const std::string& text) {
  std::string escaped;
  for (char c : text) {
    if (std::string("\\^$.|?*+()[]{}/").find(c) != std::string::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string listed(const std::vector<std::string>& names) {
  return names.empty() ? "there are none" : fmt::format("there are {}", fmt::join(names, ", "));
}

}  // namespace

std::string Resolver::text(const std::string& text, topology::TextKind kind) {
  std::string result;
  for (const topology::Piece& piece : topology::split_references(text, kind)) {
    const auto* reference = std::get_if<Reference>(&piece);
    result += reference != nullptr ? value(*reference) : std::get<std::string>(piece);
  }
  return result;
}

std::vector<std::string> Resolver::texts(const std::vector<std::string>& texts) {
  std::vector<std::string> results;
  for (const std::string& it : texts) results.push_back(text(it));
  return results;
}

std::string Resolver::pattern(const std::string& pattern) {
  std::string result;
  for (const topology::Piece& piece : topology::split_references(pattern, topology::TextKind::command_line)) {
    const auto* reference = std::get_if<Reference>(&piece);
    result += reference != nullptr ? literally(value(*reference)) : std::get<std::string>(piece);
  }
  return result;
}

std::string Resolver::place(const std::string& name) {
  return topology_.find_node(name) != nullptr ? name : pod(name);
}

std::string Resolver::pod(const std::string& name) {
  std::vector<topology::Piece> pieces = topology::split_references(name, topology::TextKind::plain);
  const auto* only = pieces.size() == 1 ? std::get_if<Reference>(&pieces.front()) : nullptr;
  const auto* reference = only != nullptr ? std::get_if<PodReference>(&only->what) : nullptr;
  if (reference != nullptr && reference->field == PodReference::Field::name) {
    return find(only->written, *reference).metadata.key();
  }
  std::string resolved = text(name);
  bool is_pod = topology_.cluster && topology_.find_node(resolved) == nullptr;
  return is_pod && resolved.find('/') == std::string::npos ? "default/" + resolved : resolved;
}

std::string Resolver::value(const Reference& reference) {
  return std::visit([&](const auto& what) { return value(reference.written, what); }, reference.what);
}

std::string Resolver::value(const std::string& written, const PodReference& reference) {
  const kube::Pod& pod = find(written, reference);
  const std::string& value = reference.field == PodReference::Field::name ? pod.metadata.name
                             : reference.field == PodReference::Field::ip ? pod.pod_ip
                                                                          : pod.node_name;
  if (!value.empty()) return value;
  throw base::Error(fmt::format("reference {}: pod {} has none yet, its phase is {}", written, pod.metadata.key(),
                                pod.phase.empty() ? "Pending" : pod.phase));
}

const kube::Pod& Resolver::find(const std::string& written, const PodReference& reference) {
  auto [known, first] = pods_.try_emplace(reference.selector);
  if (first) {
    boost::json::object list = ask("/api/v1/pods?labelSelector=" + base::http::encode(reference.selector));
    for (const boost::json::value& item : kube::array_at(list, "items")) {
      kube::Pod pod = kube::Pod::parse(item.as_object());
      if (!pod.terminating() && !pod.finished()) known->second.push_back(std::move(pod));
    }
    std::sort(known->second.begin(), known->second.end(),
              [](const kube::Pod& a, const kube::Pod& b) { return a.metadata.name < b.metadata.name; });
  }
  if (reference.index < known->second.size()) return known->second[reference.index];
  std::vector<std::string> names;
  for (const kube::Pod& pod : known->second) names.push_back(pod.metadata.key());
  throw base::Error(fmt::format("reference {}: no such pod, of those with these labels {}", written, listed(names)));
}

std::string Resolver::value(const std::string& written, const ServiceReference& reference) {
  auto [known, first] = services_.try_emplace(reference.namespace_name);
  if (first) {
    boost::json::object list = ask("/api/v1/namespaces/" + base::http::encode(reference.namespace_name) + "/services");
    for (const boost::json::value& item : kube::array_at(list, "items")) {
      kube::Service service = kube::Service::parse(item.as_object());
      known->second[service.metadata.name] = service;
    }
  }
  auto found = known->second.find(reference.name);
  if (found == known->second.end()) {
    std::vector<std::string> names;
    for (const auto& [name, service] : known->second) names.push_back(name);
    throw base::Error(fmt::format("reference {}: no such Service, in namespace {} {}", written,
                                  reference.namespace_name, listed(names)));
  }
  const kube::Service& service = found->second;
  if (reference.field == ServiceReference::Field::cluster_ip) {
    if (!service.cluster_ip.empty()) return service.cluster_ip;
  } else if (!service.ports.empty()) {
    const kube::ServicePort& port = service.ports.front();
    std::uint16_t number = reference.field == ServiceReference::Field::port ? port.port : port.node_port;
    if (number != 0) return std::to_string(number);
  }
  throw base::Error(
      fmt::format("reference {}: Service {} of type {} has none", written, service.metadata.key(), service.type));
}

std::string Resolver::value(const std::string& written, const topology::NodeReference& reference) {
  const topology::Node* node = topology_.find_node(reference.node);
  auto address = node != nullptr ? topology::address_of(topology_, *node) : std::nullopt;
  if (!address) throw base::Error(fmt::format("reference {}: no such node with an address", written));
  return address->to_string();
}

boost::json::object Resolver::ask(const std::string& path) {
  if (!topology_.cluster) throw base::Error("there is no cluster whose API server could be asked");
  const std::string& node = topology_.cluster->control_plane.value;
  constexpr size_t largest_list = size_t{32} << 20;
  ProbeRequest request;
  request.protocol = "http";
  request.target = fmt::format("http://127.0.0.1:{}{}", plan::api_port, path);
  request.body_limit = largest_list;
  std::vector<ProbeAnswer> answers = probe(access_, node, request);
  const ProbeAnswer& answer = answers.front();
  if (!answer.ok) throw base::Error(fmt::format("ask the API server on {}: {}", node, answer.words));
  boost::system::error_code failure;
  boost::json::value body = boost::json::parse(answer.body, failure);
  if (answer.status == 200 && !failure && body.is_object()) return std::move(body.as_object());
  throw base::Error(fmt::format("ask the API server on {} for {}: status {}: {}", node, path, answer.status,
                                answer.body.substr(0, 200)));
}

}  // namespace scenario
