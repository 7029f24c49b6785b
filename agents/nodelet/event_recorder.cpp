#include "agents/nodelet/event_recorder.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <chrono>

namespace nodelet {
namespace {

namespace json = boost::json;

constexpr size_t most_series = 500;

// As client-go names them: the subject and the time.
std::string event_name(const std::string& subject) {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return fmt::format("{}.{:x}", subject, std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

json::object involved_object(const Subject& subject) {
  json::object object{{"apiVersion", "v1"}, {"kind", subject.kind}, {"name", subject.name}, {"uid", subject.uid}};
  if (!subject.namespace_name.empty()) object["namespace"] = subject.namespace_name;
  if (!subject.field_path.empty()) object["fieldPath"] = subject.field_path;
  return object;
}

}  // namespace

void EventRecorder::record(const Subject& subject, const std::string& type, const std::string& reason,
                           const std::string& message) {
  std::string key = fmt::format("{}/{}/{}/{}/{}", subject.uid, subject.name, subject.field_path, reason, message);
  auto found = series_.find(key);
  if (found != series_.end()) {
    ++found->second.count;
    if (found->second.created) update_count(key);
    return;
  }
  // Long-gone pods are most of them; a series that goes on is merely begun anew.
  if (series_.size() >= most_series) series_.clear();
  std::string namespace_name = subject.namespace_name.empty() ? "default" : subject.namespace_name;
  std::string name = event_name(subject.name);
  series_[key] = {namespace_name, name};
  std::string now = kube::timestamp_now();
  create(key, {{"metadata", json::object{{"name", name}, {"namespace", namespace_name}}},
               {"involvedObject", involved_object(subject)},
               {"type", type},
               {"reason", reason},
               {"message", message},
               {"count", 1},
               {"firstTimestamp", now},
               {"lastTimestamp", now},
               {"source", json::object{{"component", "kubelet"}, {"host", node_}}},
               {"reportingComponent", "kubelet"},
               {"reportingInstance", node_}});
}

void EventRecorder::create(const std::string& key, const json::object& event) {
  client_.create(kube::resources::events, event, [this, key](kube::Reply reply) {
    auto found = series_.find(key);
    if (found == series_.end()) return;
    if (!reply.ok()) {
      series_.erase(found);
      return;
    }
    found->second.created = true;
    if (found->second.count > 1) update_count(key);
  });
}

void EventRecorder::update_count(const std::string& key) {
  const Series& series = series_.at(key);
  json::value patch = json::object{{"count", series.count}, {"lastTimestamp", kube::timestamp_now()}};
  client_.patch(kube::resources::events, series.namespace_name, series.name, kube::PatchType::merge, patch,
                [this, key](kube::Reply reply) {
                  if (reply.not_found()) series_.erase(key);  // the API server has forgotten it
                });
}

}  // namespace nodelet
