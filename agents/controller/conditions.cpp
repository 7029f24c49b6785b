#include "agents/controller/conditions.h"

namespace controller {

Object condition_object(const kube::Condition& wanted, const std::vector<kube::Condition>& before, Time now) {
  const kube::Condition* old = kube::find_condition(before, wanted.type);
  bool same = old != nullptr && old->status == wanted.status && !old->last_transition_time.empty();
  Object object{{"type", wanted.type},
                {"status", wanted.status},
                {"lastTransitionTime", same ? old->last_transition_time : format_time(now)},
                {"reason", wanted.reason},
                {"message", wanted.message}};
  if (!wanted.last_update_time.empty()) object["lastUpdateTime"] = wanted.last_update_time;
  return object;
}

}  // namespace controller
