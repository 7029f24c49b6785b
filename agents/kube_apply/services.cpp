#include "agents/kube_apply/services.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <charconv>
#include <set>

#include "agents/kube_apply/apply.h"
#include "lib/base/error.h"
#include "lib/base/http.h"

namespace kube_apply {
namespace {

constexpr std::uint16_t proxy_health_port = 10256;  // kube-proxy's --healthz-bind-address
constexpr std::chrono::milliseconds patience{1000};

std::uint64_t version_in(const kube::Object& object, const std::string& path) {
  std::string text = kube::text_at(object, path);
  std::uint64_t version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

bool selects(const kube::Service& service, const kube::Pod& pod) {
  if (pod.metadata.namespace_name != service.metadata.namespace_name || !pod.ready()) return false;
  return std::all_of(service.selector.begin(), service.selector.end(), [&](const auto& wanted) {
    auto label = pod.metadata.labels.find(wanted.first);
    return label != pod.metadata.labels.end() && label->second == wanted.second;
  });
}

std::set<std::string> ready_addresses(const kube::Service& service, const std::vector<kube::Object>& slices) {
  std::set<std::string> addresses;
  for (const kube::Object& object : slices) {
    kube::EndpointSlice slice = kube::EndpointSlice::parse(object);
    if (slice.service_name != service.metadata.name ||
        slice.metadata.namespace_name != service.metadata.namespace_name) {
      continue;
    }
    for (const kube::Endpoint& endpoint : slice.endpoints) {
      if (endpoint.ready) addresses.insert(endpoint.addresses.begin(), endpoint.addresses.end());
    }
  }
  return addresses;
}

// What the proxy at ADDRESS has programmed; throws where it does not say.
std::uint64_t programmed_version(const std::string& address) {
  base::http::ClientOptions options;
  options.connect_timeout = options.request_timeout = patience;
  base::http::Request request;
  request.target = "/healthz";
  base::http::Response response =
      base::http::fetch(base::http::Endpoint::tcp(address, proxy_health_port), std::move(request), options);
  boost::system::error_code failure;
  boost::json::value body = boost::json::parse(response.body, failure);
  return failure || !body.is_object() ? 0 : version_in(body.get_object(), "resourceVersion");
}

}  // namespace

std::string missing_endpoints(const std::vector<kube::Object>& applied, const std::vector<kube::Object>& services,
                              const std::vector<kube::Object>& pods, const std::vector<kube::Object>& slices) {
  std::set<std::string> ours = applied_keys(applied, "Service");
  std::string text;
  for (const kube::Object& object : services) {
    kube::Service service = kube::Service::parse(object);
    if (service.selector.empty() || ours.count(service.metadata.key()) == 0) continue;
    std::set<std::string> known = ready_addresses(service, slices);
    for (const kube::Object& candidate : pods) {
      kube::Pod pod = kube::Pod::parse(candidate);
      if (!selects(service, pod) || known.count(pod.pod_ip) != 0) continue;
      text += (text.empty() ? "" : "; ") + ("service " + service.metadata.key()) + ": pod " + pod.metadata.name +
              " is not among its endpoints";
    }
  }
  return text;
}

std::uint64_t newest_version(const std::vector<kube::Object>& objects) {
  std::uint64_t newest = 0;
  for (const kube::Object& object : objects) newest = std::max(newest, version_in(object, "metadata.resourceVersion"));
  return newest;
}

std::string missing_proxies(const std::vector<kube::Object>& nodes, std::uint64_t version) {
  std::string text;
  for (const kube::Object& object : nodes) {
    kube::Node node = kube::Node::parse(object);
    std::string what;
    try {
      if (programmed_version(node.internal_ip()) < version) what = " has not programmed the Services yet";
    } catch (const base::Error& error) {
      what = std::string(" does not answer: ") + error.what();
    }
    if (!what.empty()) text += (text.empty() ? "" : "; ") + ("the proxy of node " + node.metadata.name) + what;
  }
  return text;
}

}  // namespace kube_apply
