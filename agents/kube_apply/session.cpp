#include "agents/kube_apply/session.h"

#include <boost/json/array.hpp>
#include <thread>

#include "lib/base/error.h"

namespace kube_apply {
namespace {

constexpr std::chrono::milliseconds retry_pause{50};

}  // namespace

Session::Session(const std::string& api_url, Clock::time_point deadline)
    : client_(loop_, api_url, "kube-apply"), deadline_(deadline) {}

bool Session::sleep(std::chrono::milliseconds duration) {
  if (Clock::now() + duration >= deadline_) return false;
  std::this_thread::sleep_for(duration);
  return true;
}

kube::Reply Session::call_once(const std::string& method, const std::string& path, const boost::json::value* body,
                               const std::string& content_type) {
  kube::Reply reply;
  client_.request(method, path, body, content_type, [&](kube::Reply answer) {
    reply = std::move(answer);
    loop_.stop();
  });
  loop_.restart();
  loop_.run();
  return reply;
}

kube::Reply Session::call(const std::string& method, const std::string& path, const boost::json::value* body,
                          const std::string& content_type) {
  for (;;) {
    kube::Reply reply = call_once(method, path, body, content_type);
    if (!reply.unreachable() || !sleep(retry_pause)) return reply;
  }
}

void Session::wait_until_ready() {
  for (;;) {
    kube::Reply reply = call_once("GET", "/version", nullptr, {});
    if (reply.ok()) return;
    if (!sleep(retry_pause)) throw base::Error("the API server is not ready: " + reply.error);
  }
}

const kube::Resource& Session::resource_of(const std::string& api_version, const std::string& kind) {
  std::string key = api_version + "/" + kind;
  auto found = resources_.find(key);
  if (found != resources_.end()) return found->second;
  size_t slash = api_version.find('/');
  bool core = slash == std::string::npos;
  kube::Reply reply = call("GET", (core ? "/api/" : "/apis/") + api_version);
  if (reply.unreachable()) throw base::Error(reply.error);
  for (const auto& element : kube::array_at(reply.body, "resources")) {
    if (!element.is_object()) continue;
    const kube::Object& entry = element.get_object();
    std::string plural = kube::text_at(entry, "name");
    if (plural.find('/') != std::string::npos) continue;
    kube::Resource resource{core ? "" : api_version.substr(0, slash),
                            core ? api_version : api_version.substr(slash + 1), plural, kube::text_at(entry, "kind"),
                            kube::flag_at(entry, "namespaced")};
    resources_.emplace(api_version + "/" + resource.kind, resource);
  }
  found = resources_.find(key);
  if (found == resources_.end()) {
    throw base::Error("the API server knows no kind " + kind + " in " + api_version);
  }
  return found->second;
}

}  // namespace kube_apply
