#include "agents/kube_apply/remove.h"

#include <algorithm>

#include "lib/base/error.h"

namespace kube_apply {

void remove(Session& session, std::vector<kube::Object> objects, std::ostream& progress) {
  std::reverse(objects.begin(), objects.end());
  std::string refusals;
  for (const kube::Object& object : objects) {
    std::string name = kube::text_at(object, "metadata.name"), kind = kube::text_at(object, "kind");
    if (name.empty()) continue;
    try {
      const kube::Resource& resource = session.resource_of(kube::text_at(object, "apiVersion"), kind);
      std::string space = resource.namespaced ? kube::text_at(object, "metadata.namespace", "default") : "";
      kube::Reply reply = session.call("DELETE", resource.path(space, name));
      if (!reply.ok() && !reply.not_found()) throw base::Error(reply.error);
      progress << kind << " " << name << (reply.ok() ? " removed" : " is gone already") << std::endl;
    } catch (const base::Error& error) {
      refusals += (refusals.empty() ? "" : "\n") + kind + " " + name + ": " + error.what();
    }
  }
  if (!refusals.empty()) throw base::Error(refusals);
}

}  // namespace kube_apply
