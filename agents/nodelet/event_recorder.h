// Events about what happens to pods and to the node: what `kubectl describe` shows, and what says why a pod does not
// run.
#pragma once

#include <map>
#include <string>

#include "lib/kube/client.h"

namespace nodelet {

// What an event is about.
struct Subject {
  std::string kind;
  std::string namespace_name;  // empty for nodes
  std::string name;
  std::string uid;
  std::string field_path = {};  // "spec.containers{web}"
};

class EventRecorder {
 public:
  // CLIENT must outlive it.
  EventRecorder(kube::Client& client, std::string node) : client_(client), node_(std::move(node)) {}

  // The same again is counted, not repeated. An API server that is not there misses it.
  void normal(const Subject& subject, const std::string& reason, const std::string& message) {
    record(subject, "Normal", reason, message);
  }
  void warning(const Subject& subject, const std::string& reason, const std::string& message) {
    record(subject, "Warning", reason, message);
  }

 private:
  struct Series {
    std::string namespace_name;
    std::string name;
    std::int64_t count = 1;
    bool created = false;
  };
  void record(const Subject& subject, const std::string& type, const std::string& reason, const std::string& message);
  void create(const std::string& key, const boost::json::object& event);
  void update_count(const std::string& key);

  kube::Client& client_;
  std::string node_;
  std::map<std::string, Series> series_;
};

}  // namespace nodelet
