#include "labctl/kernel/choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "lib/base/error.h"

namespace {

using kernel::AskedNeed;
using kernel::NeedStatus;
using testing::HasSubstr;

class FakeProvider : public kernel::Provider {
 public:
  FakeProvider(std::string name, std::set<std::string> lacking, bool available = true)
      : name_(std::move(name)), lacking_(std::move(lacking)), available_(available) {}

  std::string name() const override { return name_; }
  std::string kernel_version() const override { return name_ + " 1.0"; }
  Availability availability() const override {
    if (available_) return {true, "", ""};
    return {false, "it is not installed", "sudo apt install it"};
  }
  std::vector<NeedStatus> serves(const std::vector<std::string>& needs) const override {
    std::vector<NeedStatus> statuses;
    for (const std::string& need : needs) {
      bool works = lacking_.count(need) == 0;
      statuses.push_back({need, works, works ? "" : "Operation not supported", works ? "" : "sudo modprobe it"});
    }
    return statuses;
  }

 private:
  std::string name_;
  std::set<std::string> lacking_;
  bool available_;
};

std::vector<std::unique_ptr<kernel::Provider>> providers(FakeProvider host, FakeProvider uml) {
  std::vector<std::unique_ptr<kernel::Provider>> list;
  list.push_back(std::make_unique<FakeProvider>(std::move(host)));
  list.push_back(std::make_unique<FakeProvider>(std::move(uml)));
  return list;
}

const std::vector<AskedNeed> kNeeds = {{"veth", {"node ds: link lan"}},
                                       {"ipvs-netlink", {"node ds: ipvs tcp://10.10.0.1:8410"}}};

std::string refusal(const std::optional<std::string>& override, FakeProvider host, FakeProvider uml) {
  try {
    kernel::choose(kNeeds, override, providers(std::move(host), std::move(uml)));
  } catch (const base::Error& error) {
    return error.what();
  }
  return "no refusal";
}

TEST(Choice, IsTheHostWhereItServesAll) {
  kernel::Choice choice = kernel::choose(kNeeds, std::nullopt, providers({"host", {}}, {"uml", {}}));
  EXPECT_EQ(choice.provider, "host");
}

TEST(Choice, IsTheEmbeddedKernelWhereTheHostLacksSomethingAndSaysWhat) {
  kernel::Choice choice = kernel::choose(kNeeds, std::nullopt, providers({"host", {"ipvs-netlink"}}, {"uml", {}}));
  EXPECT_EQ(choice.provider, "uml");
  EXPECT_EQ(choice.kernel_version, "uml 1.0");
  EXPECT_EQ(choice.reason, "the host's kernel lacks ipvs-netlink (labctl doctor says more)");
}

TEST(Choice, CanBeOverridden) {
  kernel::Choice choice = kernel::choose(kNeeds, "uml", providers({"host", {}}, {"uml", {}}));
  EXPECT_EQ(choice.provider, "uml");
  EXPECT_EQ(choice.reason, "asked for with --kernel uml");
}

TEST(Choice, ARefusalNamesTheNeedWhoAskedForItAndWhatToInstall) {
  std::string text = refusal(std::nullopt, {"host", {"ipvs-netlink"}}, {"uml", {}, false});
  EXPECT_THAT(text, HasSubstr("lacks ipvs-netlink, asked for by node ds: ipvs tcp://10.10.0.1:8410: "
                              "Operation not supported (sudo modprobe it)"));
  EXPECT_THAT(text, HasSubstr("uml — uml 1.0: it is not installed (sudo apt install it)"));
}

TEST(Choice, AnOverrideThatDoesNotServeIsRefusedAndNothingElseTried) {
  std::string text = refusal("host", {"host", {"veth"}}, {"uml", {}});
  EXPECT_THAT(text, HasSubstr("lacks veth, asked for by node ds: link lan"));
  EXPECT_THAT(text, testing::Not(HasSubstr("uml")));
}

TEST(Choice, AnUnknownOverrideIsRefused) {
  EXPECT_THAT(refusal("qemu", {"host", {}}, {"uml", {}}), HasSubstr("--kernel qemu: there is no such kernel"));
}

}  // namespace
