#include "agents/controller/deployments.h"

#include <algorithm>

#include "agents/controller/names.h"
#include "tests/unit/agents/controller/builders.h"

namespace controller {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using namespace std::chrono_literals;

// A Deployment and its ReplicaSets, on which decisions are carried out as the API server would, and whose pods are
// there at once or not at all.
class DeploymentTest : public ::testing::Test {
 protected:
  DeploymentTest() {
    deployment_.metadata = metadata("web");
    deployment_.replicas = 2;
    deployment_.selector = parse(R"({"matchLabels":{"app":"web"}})");
    deployment_.max_surge = deployment_.max_unavailable = {0, "25%"};
    use_image("echo:1");
  }

  void use_image(const std::string& image) {
    deployment_.pod_template = parse(
        R"({"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c","image":")" + image + R"("}]}})");
    ++deployment_.metadata.generation;
  }

  Decision decide() { return reconcile_deployment(deployment_, sets_, pods_, now_); }

  void carry_out(const Change& change) {
    if (change.resource->plural == "deployments") return carry_out_on_deployment(change);
    kube::ReplicaSet& set = sets_[change.key()];
    if (change.verb == Change::Verb::create) {
      set = kube::ReplicaSet::parse(change.body);
      set.metadata.uid = "uid-" + change.name;
      set.metadata.creation_timestamp = format_time(now_);
    } else if (change.verb == Change::Verb::remove) {
      sets_.erase(change.key());
    } else if (kube::find(change.body, "spec.replicas") != nullptr) {
      set.replicas = kube::number_at(change.body, "spec.replicas");
    } else {
      for (const auto& [key, value] : kube::string_map_at(change.body, "metadata.annotations")) {
        set.metadata.annotations[key] = value;
      }
    }
  }

  void carry_out_on_deployment(const Change& change) {
    for (const auto& [key, value] : kube::string_map_at(change.body, "metadata.annotations")) {
      deployment_.metadata.annotations[key] = value;
    }
    if (change.subresource != "status") return;
    kube::Deployment read = kube::Deployment::parse(change.body);
    deployment_.observed_generation = read.observed_generation;
    deployment_.status_replicas = read.status_replicas;
    deployment_.updated_replicas = read.updated_replicas;
    deployment_.ready_replicas = read.ready_replicas;
    deployment_.available_replicas = read.available_replicas;
    for (const kube::Condition& condition : read.conditions) {
      std::erase_if(deployment_.conditions, [&](const kube::Condition& old) { return old.type == condition.type; });
      deployment_.conditions.push_back(condition);
    }
  }

  // One decision; its effects; and, where PODS_START, the pods.
  std::vector<std::string> step(bool pods_start = true) {
    now_ += 1s;
    Decision decision = decide();
    for (const Change& change : decision.changes) carry_out(change);
    for (auto& [key, set] : sets_) {
      set.status_replicas = set.replicas;
      if (pods_start || set.available_replicas > set.replicas)
        set.ready_replicas = set.available_replicas = set.replicas;
      set.observed_generation = set.metadata.generation;
    }
    return texts_of(decision);
  }

  void settle() {
    for (int count = 0; count < 200; ++count) {
      if (step().empty()) return;
    }
    FAIL() << "it never settles";
  }

  int64_t total() const {
    int64_t sum = 0;
    for (const auto& [key, set] : sets_) sum += set.replicas;
    return sum;
  }
  int64_t available() const {
    int64_t sum = 0;
    for (const auto& [key, set] : sets_) sum += set.available_replicas;
    return sum;
  }
  // "echo:1=0 echo:2=2"
  std::string state() const {
    std::vector<std::string> words;
    for (const auto& [key, set] : sets_) {
      const auto& containers = kube::array_at(set.pod_template, "spec.containers");
      words.push_back(kube::text_at(containers.at(0).as_object(), "image") + "=" + std::to_string(set.replicas));
    }
    std::sort(words.begin(), words.end());
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
  }
  kube::Condition condition(const std::string& type) const {
    const kube::Condition* found = kube::find_condition(deployment_.conditions, type);
    return found == nullptr ? kube::Condition() : *found;
  }
  std::string revision_of(const std::string& image) const {
    for (const auto& [key, set] : sets_) {
      const Object& container = kube::array_at(set.pod_template, "spec.containers").at(0).as_object();
      if (kube::text_at(container, "image") == image) {
        return set.metadata.annotations.at("deployment.kubernetes.io/revision");
      }
    }
    return "none";
  }

  Time now_ = noon;
  kube::Deployment deployment_;
  ReplicaSets sets_;
  Pods pods_;
};

TEST_F(DeploymentTest, MakesAReplicaSetOfItsTemplate) {
  Decision decision = decide();
  const Object& set = decision.changes.at(0).body;
  std::string name = kube::text_at(set, "metadata.name");
  EXPECT_THAT(name, MatchesRegex("web-[bcdf456789]+")) << "as the real controller names it";
  std::string hash = name.substr(4);
  EXPECT_EQ(kube::text_at(set, "metadata.labels.pod-template-hash"), hash);
  EXPECT_EQ(kube::text_at(set, "spec.selector.matchLabels.pod-template-hash"), hash);
  EXPECT_EQ(kube::text_at(set, "spec.template.metadata.labels.pod-template-hash"), hash);
  EXPECT_EQ(kube::text_at(set, "spec.template.metadata.labels.app"), "web");
  EXPECT_EQ(kube::number_at(set, "spec.replicas"), 2);
  EXPECT_EQ(kube::text_at(kube::array_at(set, "metadata.ownerReferences").at(0).as_object(), "name"), "web");
  EXPECT_EQ(decision.changes[0].event->message, "Scaled up replica set " + name + " from 0 to 2");
  EXPECT_EQ(decision.changes[0].needs->uid, "uid-web");
}

TEST_F(DeploymentTest, SettlesAndSaysSo) {
  settle();
  EXPECT_EQ(state(), "echo:1=2");
  EXPECT_EQ(condition("Available").status, "True");
  EXPECT_EQ(condition("Progressing").reason, "NewReplicaSetAvailable");
  EXPECT_EQ(deployment_.available_replicas, 2);
  EXPECT_EQ(deployment_.observed_generation, deployment_.metadata.generation);
  EXPECT_EQ(deployment_.metadata.annotations["deployment.kubernetes.io/revision"], "1");
  EXPECT_THAT(step(), IsEmpty()) << "a settled Deployment is not written to";
}

TEST_F(DeploymentTest, KnowsItsTemplateHoweverItIsWritten) {
  settle();
  deployment_.pod_template = parse(R"({"spec":{"containers":[{"image":"echo:1","name":"c"}],"volumes":null},
                                       "metadata":{"creationTimestamp":null,"labels":{"app":"web"}}})");
  EXPECT_THAT(decide().changes, IsEmpty());
}

TEST_F(DeploymentTest, ScalesUpAndDown) {
  settle();
  deployment_.replicas = 5;
  settle();
  EXPECT_EQ(state(), "echo:1=5");
  deployment_.replicas = 0;
  settle();
  EXPECT_EQ(state(), "echo:1=0");
}

TEST_F(DeploymentTest, ARollingUpdateKeepsWithinItsLimits) {
  struct Case {
    int64_t replicas;
    kube::IntOrString surge, unavailable;
  };
  for (const Case& each : {Case{4, {0, "25%"}, {0, "25%"}}, Case{2, {1, ""}, {0, ""}}, Case{2, {0, ""}, {1, ""}},
                           Case{10, {0, "30%"}, {0, ""}}, Case{3, {0, ""}, {0, ""}}, Case{1, {0, "25%"}, {0, "25%"}},
                           Case{7, {3, ""}, {0, "50%"}}}) {
    SCOPED_TRACE(std::to_string(each.replicas) + " " + each.surge.text() + " " + each.unavailable.text());
    sets_.clear();
    deployment_.conditions.clear();
    deployment_.replicas = each.replicas;
    deployment_.max_surge = each.surge;
    deployment_.max_unavailable = each.unavailable;
    use_image("echo:1");
    settle();
    use_image("echo:2");
    RolloutLimits limits = rollout_limits(deployment_);
    for (int count = 0; count < 100 && !step(count % 2 == 0).empty(); ++count) {
      EXPECT_LE(total(), limits.most_pods);
      EXPECT_GE(available(), limits.least_available);
    }
    settle();
    EXPECT_EQ(state(), "echo:1=0 echo:2=" + std::to_string(each.replicas));
  }
}

TEST(RolloutLimits, RoundSurgeUpAndUnavailableDown) {
  kube::Deployment deployment;
  deployment.replicas = 3;
  deployment.max_surge = deployment.max_unavailable = {0, "25%"};
  EXPECT_EQ(rollout_limits(deployment).most_pods, 4);
  EXPECT_EQ(rollout_limits(deployment).least_available, 3);
  deployment.max_surge = deployment.max_unavailable = {0, "0%"};
  EXPECT_EQ(rollout_limits(deployment).least_available, 2) << "otherwise nothing could move";
}

TEST_F(DeploymentTest, ABrokenUpdateLeavesTheOldPodsServing) {
  deployment_.replicas = 4;
  settle();
  use_image("broken");
  for (int count = 0; count < 20; ++count) step(false);
  EXPECT_EQ(state(), "broken=2 echo:1=3") << "one more than wanted, one less available";
  EXPECT_EQ(condition("Available").status, "True");
  EXPECT_EQ(condition("Progressing").reason, "ReplicaSetUpdated");
  now_ += 601s;
  step(false);
  EXPECT_EQ(condition("Progressing").status, "False");
  EXPECT_EQ(condition("Progressing").reason, "ProgressDeadlineExceeded");
  now_ += 601s;
  EXPECT_THAT(step(false), IsEmpty()) << "it is said once";
}

TEST_F(DeploymentTest, PodsThatNeverStartedGoFirst) {
  deployment_.replicas = 4;
  settle();
  use_image("broken");
  for (int count = 0; count < 20; ++count) step(false);
  use_image("echo:3");
  for (int count = 0; count < 3; ++count) step(false);
  EXPECT_THAT(state(), HasSubstr("broken=0"));
  EXPECT_THAT(state(), HasSubstr("echo:1=3"));
}

TEST_F(DeploymentTest, GoingBackMakesTheOldTemplateTheNewestRevision) {
  settle();
  use_image("echo:2");
  settle();
  EXPECT_EQ(revision_of("echo:1"), "1");
  EXPECT_EQ(revision_of("echo:2"), "2");
  use_image("echo:1");
  settle();
  EXPECT_EQ(state(), "echo:1=2 echo:2=0");
  EXPECT_EQ(revision_of("echo:1"), "3");
  EXPECT_EQ(deployment_.metadata.annotations["deployment.kubernetes.io/revision"], "3");
}

TEST_F(DeploymentTest, ForgetsRevisionsBeyondTheLimit) {
  deployment_.revision_history_limit = 2;
  for (const char* image : {"echo:1", "echo:2", "echo:3", "echo:4", "echo:5"}) {
    use_image(image);
    settle();
  }
  EXPECT_EQ(state(), "echo:3=0 echo:4=0 echo:5=2");
}

TEST_F(DeploymentTest, RecreateStartsNothingBeforeTheLastOldPodHasEnded) {
  deployment_.strategy = "Recreate";
  settle();
  std::string old_set = sets_.begin()->second.metadata.name;
  use_image("echo:2");
  pods_ = by_key<kube::Pod>({terminating(owned_by(running_pod("a", "w1"), "ReplicaSet", metadata(old_set)))});
  step();
  for (int count = 0; count < 3; ++count) step();
  EXPECT_EQ(state(), "echo:1=0");
  pods_.clear();
  settle();
  EXPECT_EQ(state(), "echo:1=0 echo:2=2");
}

TEST_F(DeploymentTest, APausedDeploymentScalesButDoesNotRollOut) {
  settle();
  deployment_.paused = true;
  use_image("echo:2");
  deployment_.replicas = 3;
  settle();
  EXPECT_EQ(state(), "echo:1=3");
  EXPECT_EQ(condition("Progressing").reason, "DeploymentPaused");
  deployment_.paused = false;
  settle();
  EXPECT_EQ(state(), "echo:1=0 echo:2=3");
  EXPECT_EQ(condition("Progressing").reason, "NewReplicaSetAvailable");
}

TEST_F(DeploymentTest, TakesOverReplicaSetsThatItSelects) {
  settle();
  sets_.begin()->second.metadata.owners.clear();
  EXPECT_THAT(texts_of(decide()), ElementsAre(HasSubstr(R"("uid":"uid-web","controller":true)")));
  sets_.begin()->second.metadata.deletion_timestamp = "2026-11-24T12:00:00Z";
  EXPECT_THAT(texts_of(decide()), Not(Contains(HasSubstr("ownerReferences")))) << "it is about to go";
}

TEST_F(DeploymentTest, AvoidsANameThatIsTaken) {
  std::string name = decide().changes.at(0).name;
  kube::ReplicaSet other;
  other.metadata = metadata(name);
  other = owned_by(other, "Deployment", metadata("somebody"));
  sets_[other.metadata.key()] = other;
  EXPECT_THAT(texts_of(decide()), Not(Contains("create replicasets default/" + name)));
  EXPECT_THAT(texts_of(decide()), Contains(HasSubstr("create replicasets default/web-")));
}

TEST_F(DeploymentTest, APodThatFailsLaterIsNoNewRollout) {
  settle();
  sets_.begin()->second.available_replicas = sets_.begin()->second.ready_replicas = 1;
  for (const Change& change : decide().changes) carry_out(change);
  EXPECT_EQ(condition("Progressing").reason, "NewReplicaSetAvailable");
  EXPECT_EQ(condition("Available").status, "False");
  EXPECT_EQ(deployment_.available_replicas, 1);
}

TEST_F(DeploymentTest, DoesNothingOnItsWayOut) {
  deployment_.metadata.deletion_timestamp = "2026-11-24T12:00:00Z";
  EXPECT_THAT(decide().changes, IsEmpty());
}

}  // namespace
}  // namespace controller
