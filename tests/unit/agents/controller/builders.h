// Short ways to make the objects that decisions are about, and to say what was decided.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <string>
#include <vector>

#include "agents/controller/change.h"
#include "agents/controller/ownership.h"
#include "agents/controller/pod_state.h"

namespace controller {

inline const Time noon = *parse_time("2026-11-24T12:00:00Z");

inline Object parse(const std::string& text) {
  return boost::json::parse(text).as_object();
}

inline kube::Metadata metadata(const std::string& name, const std::string& namespace_name = "default") {
  kube::Metadata result;
  result.name = name;
  result.namespace_name = namespace_name;
  result.uid = "uid-" + name;
  result.creation_timestamp = "2026-11-24T11:00:00Z";
  result.generation = 1;
  return result;
}

inline kube::Node node(const std::string& name, const std::string& ready = "True") {
  kube::Node result;
  result.metadata = metadata(name, "");
  result.conditions = {{"Ready", ready, "", ""}};
  return result;
}

inline kube::Pod pod(const std::string& name) {
  kube::Pod result;
  result.metadata = metadata(name);
  result.metadata.labels = {{"app", "web"}};
  result.phase = "Pending";
  return result;
}

inline kube::Pod running_pod(const std::string& name, const std::string& on, const std::string& ip = "10.244.1.5") {
  kube::Pod result = pod(name);
  result.node_name = on;
  result.phase = "Running";
  result.pod_ip = ip;
  result.pod_ips = {ip};
  result.conditions = {{"Ready", "True", "", "", "2026-11-24T11:00:00Z"}};
  return result;
}

inline kube::Pod terminating(kube::Pod pod) {
  pod.metadata.deletion_timestamp = "2026-11-24T12:00:00Z";
  return pod;
}

inline kube::Pod unready(kube::Pod pod) {
  pod.conditions = {{"Ready", "False", "", ""}};
  return pod;
}

template <class T>
T owned_by(T object, const std::string& kind, const kube::Metadata& owner) {
  object.metadata.owners = {{kind, owner.name, owner.uid, true}};
  return object;
}

template <class T>
std::map<std::string, T> by_key(const std::vector<T>& objects) {
  std::map<std::string, T> result;
  for (const T& object : objects) result[object.metadata.key()] = object;
  return result;
}

// "create pods default/web-1", "patch replicasets default/web-1 {"spec":{"replicas":2}}", "report …".
inline std::string text_of(const Change& change) {
  auto place = [&] { return change.resource->plural + " " + change.key(); };
  switch (change.verb) {
    case Change::Verb::create:
      return "create " + place();
    case Change::Verb::remove:
      return "remove " + place();
    case Change::Verb::bind:
      return "bind " + change.key() + " to " + kube::text_at(change.body, "target.name");
    case Change::Verb::report:
      return "report " + change.summary;
    case Change::Verb::patch:
      break;
  }
  Object body = change.body;
  Object& fields = body["metadata"].as_object();
  EXPECT_EQ(kube::text_at(fields, "uid"), change.uid);
  fields.erase("uid");
  if (fields.empty()) body.erase("metadata");
  return "patch " + place() + " " + boost::json::serialize(body);
}

inline std::vector<std::string> texts_of(const Decision& decision) {
  std::vector<std::string> texts;
  for (const Change& change : decision.changes) texts.push_back(text_of(change));
  return texts;
}

}  // namespace controller
