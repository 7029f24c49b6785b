// What a decision asks to be written, as a value: nothing has happened yet.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "lib/kube/client.h"
#include "lib/kube/objects.h"
#include "lib/kube/resource.h"

namespace controller {

using kube::Object;

// Shown by `kubectl describe` of the object that it is about.
struct Event {
  const kube::Resource* resource = nullptr;
  std::string namespace_name;
  std::string name;
  std::string uid;
  std::string type;  // Normal or Warning
  std::string reason;
  std::string message;
  std::string component;  // who says so: "deployment-controller"
};

// An object, and no other that has taken its name.
struct Identity {
  const kube::Resource* resource = nullptr;
  std::string namespace_name;
  std::string name;
  std::string uid;
};

struct Change {
  // report writes nothing but its log line and event, once as long as the decision goes on asking for it.
  enum class Verb { create, patch, remove, bind, report };

  Verb verb = Verb::report;
  const kube::Resource* resource = nullptr;
  std::string namespace_name;
  std::string name;
  std::string uid;  // a change of an object is refused where another has taken its name
  Object body;      // create: the object; patch: the patch; bind: the Binding
  kube::PatchType patch_type = kube::PatchType::strategic_merge;
  std::string subresource;
  int64_t grace_seconds = -1;  // remove: < 0 leaves it to the object
  // The API server is asked first whether this exists and stays: news of its end may be behind other news.
  std::optional<Identity> needs;
  std::string summary;         // the log line
  std::optional<Event> event;  // made once the change has been

  std::string key() const { return namespace_name.empty() ? name : namespace_name + "/" + name; }
};

// The changes in the order in which they are to be made, and when to look again though nothing may have happened.
struct Decision {
  std::vector<Change> changes;
  // Whether a change is made though one before it could not be.
  bool independent = false;
  std::optional<std::chrono::milliseconds> again_after;

  void look_again_after(std::chrono::milliseconds duration) {
    if (!again_after || duration < *again_after) again_after = duration;
  }
};

Change create(const kube::Resource& resource, Object object, std::string summary);
// BODY without what names the object.
Change patch(const kube::Resource& resource, const kube::Metadata& metadata, Object body, std::string summary);
Change patch_status(const kube::Resource& resource, const kube::Metadata& metadata, Object status, std::string summary);
Change remove(const kube::Resource& resource, const kube::Metadata& metadata, std::string summary);
Change bind(const kube::Pod& pod, const std::string& node, std::string summary);
Change report(std::string summary);

Identity identity_of(const kube::Resource& resource, const kube::Metadata& metadata);

Event event_about(const kube::Resource& resource, const kube::Metadata& metadata, const std::string& component,
                  const std::string& type, const std::string& reason, const std::string& message);
// As an object to be created now.
Object event_object(const Event& event);

}  // namespace controller
