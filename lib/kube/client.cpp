#include "lib/kube/client.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

namespace kube {
namespace {

namespace http = base::http;
namespace json = boost::json;

std::string with_query(const std::string& path, const http::Query& query) {
  return query.empty() ? path : path + "?" + http::encode(query);
}

http::Query list_query(const ListOptions& options) {
  http::Query query;
  if (!options.label_selector.empty()) query.emplace("labelSelector", options.label_selector);
  if (!options.field_selector.empty()) query.emplace("fieldSelector", options.field_selector);
  return query;
}

Reply to_reply(const std::string& doing, http::Outcome outcome) {
  Reply reply;
  if (outcome.error) {
    reply.error = outcome.error->what();
    return reply;
  }
  const http::Response& response = outcome.value();
  reply.status = response.status;
  boost::system::error_code failure;
  json::value body = json::parse(response.body, failure);
  if (!failure && body.is_object()) reply.body = std::move(body.get_object());
  if (!reply.ok()) {
    std::string message = text_at(reply.body, "message", response.body.substr(0, 200));
    reply.error = doing + ": " + (message.empty() ? "HTTP status " + std::to_string(reply.status) : message);
  } else if (failure) {
    reply.status = 0;
    reply.error = doing + ": the answer is not JSON: " + failure.message();
  }
  return reply;
}

http::ClientOptions client_options(const std::string& user_agent) {
  http::ClientOptions options;
  options.headers.emplace("Accept", "application/json");
  options.headers.emplace("User-Agent", user_agent);
  return options;
}

Object complete(const Resource& resource, Object object) {
  if (!object.contains("apiVersion")) object["apiVersion"] = resource.api_version();
  if (!object.contains("kind")) object["kind"] = resource.kind;
  return object;
}

}  // namespace

const Object& Reply::value() const {
  if (!ok()) throw base::Error(error);
  return body;
}

std::string_view content_type(PatchType type) {
  switch (type) {
    case PatchType::merge:
      return "application/merge-patch+json";
    case PatchType::strategic_merge:
      return "application/strategic-merge-patch+json";
    case PatchType::json:
      return "application/json-patch+json";
    case PatchType::apply:
      return "application/apply-patch+yaml";
  }
  return {};
}

Client::Client(boost::asio::io_context& loop, const std::string& base_url, const std::string& user_agent)
    : loop_(loop), http_(loop, http::Endpoint::parse(base_url), client_options(user_agent)) {}

void Client::request(const std::string& method, const std::string& path, const json::value* body,
                     const std::string& type, Done done) {
  http::Request request;
  request.method = method;
  request.target = path;
  if (body != nullptr) {
    request.body = json::serialize(*body);
    request.headers.emplace("Content-Type", type);
  }
  std::string doing = method + " " + path;
  http_.request(std::move(request), [doing, done = std::move(done)](http::Outcome outcome) {
    Reply reply = to_reply(doing, std::move(outcome));
    if (done) done(std::move(reply));
  });
}

void Client::get(const Resource& resource, const std::string& namespace_name, const std::string& name, Done done) {
  request("GET", resource.path(namespace_name, name), nullptr, {}, std::move(done));
}

void Client::list(const Resource& resource, const std::string& namespace_name, const ListOptions& options, Done done) {
  request("GET", with_query(resource.path(namespace_name), list_query(options)), nullptr, {}, std::move(done));
}

void Client::create(const Resource& resource, Object object, Done done) {
  std::string path = resource.path(text_at(object, "metadata.namespace"));
  json::value body = complete(resource, std::move(object));
  request("POST", path, &body, "application/json", std::move(done));
}

void Client::update(const Resource& resource, Object object, Done done) {
  std::string path = resource.path(text_at(object, "metadata.namespace"), text_at(object, "metadata.name"));
  json::value body = complete(resource, std::move(object));
  request("PUT", path, &body, "application/json", std::move(done));
}

void Client::update_status(const Resource& resource, Object object, Done done) {
  std::string path = resource.path(text_at(object, "metadata.namespace"), text_at(object, "metadata.name"), "status");
  json::value body = complete(resource, std::move(object));
  request("PUT", path, &body, "application/json", std::move(done));
}

void Client::patch(const Resource& resource, const std::string& namespace_name, const std::string& name, PatchType type,
                   const json::value& patch, Done done, const std::string& subresource) {
  std::string path = resource.path(namespace_name, name, subresource);
  if (type == PatchType::apply) path += "?fieldManager=labctl&force=true";
  request("PATCH", path, &patch, std::string(content_type(type)), std::move(done));
}

void Client::remove(const Resource& resource, const std::string& namespace_name, const std::string& name, Done done,
                    int64_t grace_seconds) {
  std::string path = resource.path(namespace_name, name);
  if (grace_seconds >= 0) path += "?gracePeriodSeconds=" + std::to_string(grace_seconds);
  request("DELETE", path, nullptr, {}, std::move(done));
}

std::shared_ptr<http::Call> Client::watch(const Resource& resource, const std::string& namespace_name,
                                          const ListOptions& options, const std::string& resource_version,
                                          http::Client::StreamCallbacks callbacks) {
  http::Query query = list_query(options);
  query.emplace("watch", "true");
  query.emplace("allowWatchBookmarks", "true");
  query.emplace("resourceVersion", resource_version);
  http::Request request;
  request.target = with_query(resource.path(namespace_name), query);
  return http_.stream(std::move(request), std::move(callbacks));
}

}  // namespace kube
