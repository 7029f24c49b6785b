#include "agents/nodelet/unsupported.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agents/nodelet/objects.h"

namespace nodelet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> unsupported(const std::string& spec) {
  return unsupported_fields(parse("{\"spec\": " + spec + "}"));
}

TEST(Unsupported, NamesTheFieldsThatAreIgnored) {
  EXPECT_THAT(
      unsupported(R"({"hostPID": true, "activeDeadlineSeconds": 60,
                "initContainers": [{"name": "proxy", "restartPolicy": "Always"}],
                "containers": [{"name": "web", "lifecycle": {"postStart": {"httpGet": {"port": 80}}}},
                               {"name": "other", "resources": {"limits": {"cpu": "1"}}}]})"),
      ElementsAre("spec.activeDeadlineSeconds", "spec.hostPID", "spec.initContainers{proxy}.restartPolicy",
                  "spec.containers{web}.lifecycle.postStart.httpGet", "spec.containers{other}.resources.limits"));
}

// As `kubectl get -o yaml` shows a pod, and templates write it.
TEST(Unsupported, LeavesOutWhatSaysNothing) {
  EXPECT_THAT(unsupported(R"({"hostPID": false, "securityContext": {}, "hostAliases": [], "restartPolicy": "Always",
                "containers": [{"name": "web", "resources": {}, "tty": false, "securityContext": null}]})"),
              IsEmpty());
}

}  // namespace
}  // namespace nodelet
