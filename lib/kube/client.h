// Asynchronous client of a Kubernetes API server: JSON over plain HTTP, on one Asio event loop.
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/http.h"
#include "lib/kube/objects.h"
#include "lib/kube/resource.h"

namespace kube {

// What the server answered. status 0: there was no answer, and error says why.
struct Reply {
  int status = 0;
  Object body;        // the object, the List, or the Status of a refusal
  std::string error;  // empty where ok(): the server's own message, with what was being done in front

  bool ok() const { return status >= 200 && status < 300; }
  bool unreachable() const { return status == 0; }
  bool not_found() const { return status == 404; }
  bool conflict() const { return status == 409; }
  bool already_exists() const { return status == 409 && text_at(body, "reason") == "AlreadyExists"; }
  // Throws base::Error where it is not ok().
  const Object& value() const;
};

struct ListOptions {
  std::string label_selector;
  std::string field_selector;
};

enum class PatchType { merge, strategic_merge, json, apply };
std::string_view content_type(PatchType type);

class Client {
 public:
  using Done = std::function<void(Reply)>;

  // BASE_URL: "http://192.168.113.10:8080". USER_AGENT names the agent in the server's log.
  Client(boost::asio::io_context& loop, const std::string& base_url, const std::string& user_agent);

  // An empty NAMESPACE_NAME lists all namespaces, and is what objects without a namespace have.
  void get(const Resource& resource, const std::string& namespace_name, const std::string& name, Done done);
  void list(const Resource& resource, const std::string& namespace_name, const ListOptions& options, Done done);
  // Namespace and name are those in the object's metadata; apiVersion and kind are filled in where they are missing.
  void create(const Resource& resource, Object object, Done done);
  // With metadata.resourceVersion set, fails with a conflict where somebody else has written since.
  void update(const Resource& resource, Object object, Done done);
  void update_status(const Resource& resource, Object object, Done done);
  // SUBRESOURCE: "", "status" or "scale".
  void patch(const Resource& resource, const std::string& namespace_name, const std::string& name, PatchType type,
             const boost::json::value& patch, Done done, const std::string& subresource = {});
  // GRACE_SECONDS < 0: the object's own; 0 removes at once.
  void remove(const Resource& resource, const std::string& namespace_name, const std::string& name, Done done,
              int64_t grace_seconds = -1);
  // Any request; PATH with its query.
  void request(const std::string& method, const std::string& path, const boost::json::value* body,
               const std::string& content_type, Done done);
  // A watch, line by line; used by Informer.
  std::shared_ptr<base::http::Call> watch(const Resource& resource, const std::string& namespace_name,
                                          const ListOptions& options, const std::string& resource_version,
                                          base::http::Client::StreamCallbacks callbacks);

  boost::asio::io_context& loop() { return loop_; }

 private:
  boost::asio::io_context& loop_;
  std::string user_agent_;
  base::http::Client http_;
};

}  // namespace kube
