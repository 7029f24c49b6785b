#include "agents/apiserver/api.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "agents/apiserver/discovery.h"
#include "agents/apiserver/protobuf.h"
#include "agents/apiserver/watch.h"
#include "lib/base/error.h"
#include "lib/kube/manifest.h"

namespace apiserver {
namespace {

namespace json = boost::json;
using base::http::Exchange;
using base::http::Request;
using base::http::Response;

Response json_response(const json::value& value, int status = 200) {
  Response response;
  response.status = status;
  response.body = json::serialize(value);
  return response;
}

Response refusal(const StatusError& error) {
  return json_response(error.status(), error.code());
}

json::value parse_body(const Request& request, const std::string& content_type) {
  if (content_type.find("yaml") != std::string::npos && !request.body.starts_with("{")) {
    try {
      std::vector<Object> documents = kube::parse_manifests(request.body, "the request's body");
      if (documents.size() != 1) throw bad_request("the body must hold one object");
      return std::move(documents.front());
    } catch (const base::Error& error) {
      throw bad_request(error.what());
    }
  }
  boost::system::error_code failure;
  json::value value = json::parse(request.body, failure);
  if (failure) throw bad_request("the body of the request is not JSON: " + failure.message());
  return value;
}

Object parse_object(const Request& request) {
  std::string content_type = request.header("Content-Type");
  if (content_type.starts_with(protobuf_content_type)) return decode_protobuf(request.body);
  bool known = content_type.empty() || content_type.find("json") != std::string::npos ||
               content_type.find("yaml") != std::string::npos;
  // curl -d says this of everything.
  if (content_type.starts_with("application/x-www-form-urlencoded")) known = true;
  if (!known) throw unsupported_media_type(content_type, "application/json, application/yaml");
  json::value value = parse_body(request, content_type);
  if (!value.is_object()) throw bad_request("the body of the request is not an object");
  return std::move(value.get_object());
}

std::optional<kube::PatchType> patch_type(const std::string& content_type) {
  for (kube::PatchType type :
       {kube::PatchType::merge, kube::PatchType::strategic_merge, kube::PatchType::json, kube::PatchType::apply}) {
    if (content_type.starts_with(kube::content_type(type))) return type;
  }
  return std::nullopt;
}

bool dry_run(const Request& request) {
  return request.parameter("dryRun") == "All";
}

bool is_true(const std::string& text) {
  return text == "true" || text == "1";
}

bool wants_table(const Request& request) {
  return request.header("Accept").find("as=Table;v=v1") != std::string::npos;
}

IncludeObject include_object(const Request& request) {
  std::string wanted = request.parameter("includeObject");
  if (wanted == "None") return IncludeObject::none;
  if (wanted == "Object") return IncludeObject::object;
  return IncludeObject::metadata;
}

// Field selectors of events.k8s.io name its own fields; the objects are stored as core events.
std::string stored_fields(const Target& target, std::string fields) {
  if (target.kind->from_stored == nullptr) return fields;
  for (size_t at = fields.find("regarding."); at != std::string::npos; at = fields.find("regarding.")) {
    fields.replace(at, sizeof "regarding." - 1, "involvedObject.");
  }
  return fields;
}

Filter make_filter(const Request& request, const Target& target) {
  try {
    Filter filter;
    filter.namespace_name = target.namespace_name;
    filter.labels = kube::Selector::parse(request.parameter("labelSelector"));
    std::string fields = stored_fields(target, request.parameter("fieldSelector"));
    // A watch of one object by its path.
    if (!target.name.empty()) fields += (fields.empty() ? "" : ",") + ("metadata.name=" + target.name);
    filter.fields = kube::FieldSelector::parse(fields);
    return filter;
  } catch (const base::Error& error) {
    throw bad_request(error.what());
  }
}

// What the body leaves out, the query may say.
DeleteOptions delete_options(const Request& request) {
  Object body;
  if (!request.body.empty()) body = parse_object(request);
  std::string grace = request.parameter("gracePeriodSeconds");
  if (!grace.empty() && !body.contains("gracePeriodSeconds")) {
    int64_t seconds = 0;
    std::from_chars(grace.data(), grace.data() + grace.size(), seconds);
    body["gracePeriodSeconds"] = seconds;
  }
  if (!body.contains("propagationPolicy")) body["propagationPolicy"] = request.parameter("propagationPolicy");
  DeleteOptions options = DeleteOptions::parse(body);
  options.orphan = options.orphan || is_true(request.parameter("orphanDependents"));
  options.dry_run = options.dry_run || dry_run(request);
  return options;
}

Response list_response(const Request& request, const Kind& kind, const std::vector<ObjectPointer>& objects,
                       uint64_t version) {
  Object metadata{{"resourceVersion", std::to_string(version)}};
  if (wants_table(request))
    return json_response(make_table(kind, objects, std::move(metadata), include_object(request)));
  json::array items;
  items.reserve(objects.size());
  for (const ObjectPointer& object : objects) items.push_back(as_seen_by(kind, *object));
  return json_response(Object{{"kind", kind.resource.kind + "List"},
                              {"apiVersion", kind.resource.api_version()},
                              {"metadata", std::move(metadata)},
                              {"items", std::move(items)}});
}

// A single object: kubectl asks for a table of one row with `get NAME`, and for what it has deleted or changed.
Response object_response(const Request& request, const Target& target, const Object& object, int status = 200) {
  bool of_kind = kube::text_at(object, "kind") == target.kind->resource.kind;
  if (!wants_table(request) || !of_kind) return json_response(object, status);
  Object stored = object;
  if (target.kind->to_stored != nullptr) target.kind->to_stored(stored);
  Object metadata{{"resourceVersion", kube::text_at(object, "metadata.resourceVersion")}};
  return json_response(make_table(*target.kind, {std::make_shared<const Object>(std::move(stored))},
                                  std::move(metadata), include_object(request)),
                       status);
}

void check_subresource(const Target& target) {
  const Kind& kind = *target.kind;
  const std::string& name = target.subresource;
  if (name.empty() || (name == "status" && kind.has_status) || (name == "scale" && kind.has_scale)) return;
  const auto& others = kind.other_subresources;
  if (std::find(others.begin(), others.end(), name) == others.end()) throw unknown_path();
  if (name == "log" || name == "exec" || name == "attach" || name == "portforward") {
    throw not_implemented(
        "this API server cannot reach into pods: use `labctl logs` and `labctl exec` instead of "
        "kubectl's " +
        name);
  }
}

}  // namespace

Target parse_target(const Request& request) {
  std::vector<std::string> parts = request.segments();
  std::string group, version;
  size_t at = 0;
  if (parts.size() > 2 && parts[0] == "api") {
    version = parts[1];
    at = 2;
  } else if (parts.size() > 3 && parts[0] == "apis") {
    group = parts[1];
    version = parts[2];
    at = 3;
  } else {
    return {};
  }
  Target target;
  bool in_namespace =
      parts.size() > at + 2 && parts[at] == "namespaces" && find_kind(group, version, parts[at + 2]) != nullptr;
  if (in_namespace) {
    target.namespace_name = parts[at + 1];
    at += 2;
  }
  target.kind = find_kind(group, version, parts[at++]);
  if (target.kind == nullptr || parts.size() > at + 2) throw unknown_path();
  if (!target.kind->resource.namespaced && in_namespace) throw unknown_path();
  if (at < parts.size()) target.name = parts[at++];
  if (at < parts.size()) target.subresource = parts[at];
  bool lacks_namespace = target.kind->resource.namespaced && !in_namespace && !target.name.empty();
  if (lacks_namespace) throw unknown_path();
  check_subresource(target);
  return target;
}

Api::Api(boost::asio::io_context& loop, Registry& registry, Store& store, std::ostream* log)
    : loop_(loop), registry_(registry), store_(store), log_(log) {}

void Api::handle(std::shared_ptr<Exchange> exchange) {
  const Request& request = exchange->request();
  auto log = [this, what = request.method + " " + request.target, peer = request.peer](int status) {
    if (log_ != nullptr) *log_ << what << " " << status << " " << peer << std::endl;
  };
  try {
    if (auto description = describe_api(request.path, request.header("Accept"))) {
      log(description->status);
      return exchange->respond(std::move(*description));
    }
    Target target = parse_target(request);
    if (target.kind == nullptr) throw unknown_path();
    bool watches = request.method == "GET" && is_true(request.parameter("watch"));
    if (watches) {
      log(200);
      return watch(*exchange, target);
    }
    Response response = answer(*exchange, target);
    log(response.status);
    exchange->respond(std::move(response));
  } catch (const StatusError& error) {
    log(error.code());
    exchange->respond(refusal(error));
  } catch (const base::Error& error) {
    log(500);
    exchange->respond(refusal({500, "InternalError", std::string("Internal error occurred: ") + error.what()}));
  }
}

Response Api::answer(Exchange& exchange, const Target& target) {
  const Request& request = exchange.request();
  if (request.method == "GET") return get_or_list(request, target);
  if (request.method == "POST") return create(request, target);
  if (request.method == "PUT") return update(request, target);
  if (request.method == "PATCH") return patch(request, target);
  if (request.method == "DELETE") return remove(request, target);
  throw method_not_allowed();
}

Response Api::get_or_list(const Request& request, const Target& target) {
  if (!target.name.empty()) return object_response(request, target, registry_.get(target));
  std::vector<ObjectPointer> objects = registry_.list(*target.kind, make_filter(request, target));
  return list_response(request, *target.kind, objects, store_.version());
}

Response Api::create(const Request& request, const Target& target) {
  bool creates_below = target.subresource == "binding" || target.subresource == "eviction";
  if (!target.name.empty() && !creates_below) throw method_not_allowed();
  Target place = target;
  Object object = parse_object(request);
  if (target.kind->resource.namespaced && target.namespace_name.empty()) {
    throw bad_request("an empty namespace may not be set during creation");
  }
  return object_response(request, target, registry_.create(place, std::move(object), dry_run(request)), 201);
}

Response Api::update(const Request& request, const Target& target) {
  if (target.name.empty()) throw method_not_allowed();
  return object_response(request, target, registry_.update(target, parse_object(request), dry_run(request)));
}

Response Api::patch(const Request& request, const Target& target) {
  if (target.name.empty()) throw method_not_allowed();
  std::string content_type = request.header("Content-Type");
  auto type = patch_type(content_type);
  if (!type) {
    throw unsupported_media_type(content_type,
                                 "application/json-patch+json, application/merge-patch+json, "
                                 "application/strategic-merge-patch+json, application/apply-patch+yaml");
  }
  std::string manager = request.parameter("fieldManager");
  if (*type == kube::PatchType::apply && manager.empty()) {
    throw StatusError(422, "Invalid",
                      "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply "
                      "patch");
  }
  bool created = false;
  Object object = registry_.patch(target, *type, parse_body(request, content_type), dry_run(request), created, manager);
  return object_response(request, target, object, created ? 201 : 200);
}

Response Api::remove(const Request& request, const Target& target) {
  DeleteOptions options = delete_options(request);
  if (!target.name.empty()) return object_response(request, target, registry_.remove(target, options));
  Filter filter = make_filter(request, target);
  std::vector<ObjectPointer> removed = registry_.remove_collection(*target.kind, filter, options);
  return list_response(request, *target.kind, removed, store_.version());
}

void Api::watch(Exchange& exchange, const Target& target) {
  const Request& request = exchange.request();
  WatchOptions options;
  options.kind = target.kind;
  options.filter = make_filter(request, target);
  options.resource_version = request.parameter("resourceVersion");
  options.send_initial_events = is_true(request.parameter("sendInitialEvents"));
  options.bookmarks = is_true(request.parameter("allowWatchBookmarks"));
  options.table = wants_table(request);
  options.include = include_object(request);
  std::string match = request.parameter("resourceVersionMatch");
  if (options.send_initial_events && match != "NotOlderThan") {
    throw StatusError(422, "Invalid",
                      "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents "
                      "requires setting resourceVersionMatch to NotOlderThan");
  }
  const std::string& version = options.resource_version;
  if (!std::all_of(version.begin(), version.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    throw bad_request("invalid resource version \"" + version + "\"");
  }
  std::string timeout = request.parameter("timeoutSeconds");
  if (!timeout.empty()) {
    int64_t seconds = 0;
    std::from_chars(timeout.data(), timeout.data() + timeout.size(), seconds);
    if (seconds > 0) options.timeout = std::chrono::seconds(seconds);
  }
  Response head;
  if (options.table) head.content_type = "application/json;as=Table;v=v1;g=meta.k8s.io";
  Watch::start(loop_, registry_, store_, std::move(options), exchange.stream(std::move(head)));
}

}  // namespace apiserver
