// Impairments of links, by the kernel that is here, as tc(8) sees them.
#include "lib/netlink/qdisc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "lib/base/error.h"
#include "lib/base/run.h"
#include "lib/netlink/links/veth.h"
#include "lib/netlink/network_namespace.h"
#include "tests/unit/private_network.h"

namespace {

using namespace netlink;
using namespace std::chrono_literals;
using testing::HasSubstr;

class Impairments : public PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped()) return;
    socket_.emplace();
    NewLink near, far;
    near.name = "lan";
    far.name = "peer";
    create_veth(socket(), near, far, current_network_namespace());
  }
  Socket& socket() { return *socket_; }

  // False where the kernel has no such queueing discipline.
  bool serves(const Impairment& impairment) {
    try {
      set_impairment(socket(), "lan", impairment);
      return true;
    } catch (const base::Error& error) {
      if (error.error_number() == ENOENT) return false;
      throw;
    }
  }

  static std::string as_tc_sees() { return base::run_checked({"tc", "qdisc", "show", "dev", "lan"}); }

 private:
  std::optional<Socket> socket_;
};

TEST_F(Impairments, OfEveryKindAtOnce) {
  Impairment all{100ms, 10ms, 1, 0.1, 25, 10'000'000};
  if (!serves(all)) GTEST_SKIP() << "this kernel lacks netem";
  std::string seen = as_tc_sees();
  for (const char* words : {"netem", "delay 100ms", "10ms", "loss 1%", "duplicate 0.1%", "reorder 25%", "gap 1",
                            "rate 10Mbit", "limit 1000"}) {
    EXPECT_THAT(seen, HasSubstr(words));
  }
  EXPECT_EQ(find_impairment(socket(), "lan"), all);
}

TEST_F(Impairments, OfMicrosecondsAndOfManyGigabits) {
  Impairment fine{1500us, 320us, 0, 0, 0, 100'000'000'000};
  if (!serves(fine)) GTEST_SKIP() << "this kernel lacks netem";
  EXPECT_THAT(as_tc_sees(), HasSubstr("delay 1.5ms  320us"));
  EXPECT_THAT(as_tc_sees(), HasSubstr("rate 100Gbit"));
  EXPECT_EQ(find_impairment(socket(), "lan"), fine);
}

// What the new one does not mention is gone.
TEST_F(Impairments, TakeEachOthersPlace) {
  if (!serves({100ms, 10ms, 1, 0.1, 25, 10'000'000})) GTEST_SKIP() << "this kernel lacks netem";
  Impairment loss;
  loss.loss = 50;
  set_impairment(socket(), "lan", loss);
  EXPECT_EQ(find_impairment(socket(), "lan"), loss);
  Impairment rate;
  rate.rate = 1'000'000;
  set_impairment(socket(), "lan", rate);
  EXPECT_EQ(find_impairment(socket(), "lan"), rate);
  EXPECT_THAT(as_tc_sees(), HasSubstr("tbf"));
  set_impairment(socket(), "lan", loss);
  EXPECT_EQ(find_impairment(socket(), "lan"), loss);
  set_impairment(socket(), "lan", {});
  EXPECT_EQ(find_impairment(socket(), "lan"), std::nullopt);
}

TEST_F(Impairments, OfTheRateAloneAreATokenBucket) {
  Impairment rate;
  rate.rate = 8'000'000;
  if (!serves(rate)) GTEST_SKIP() << "this kernel lacks tbf";
  EXPECT_THAT(as_tc_sees(), HasSubstr("tbf"));
  EXPECT_THAT(as_tc_sees(), HasSubstr("rate 8Mbit"));
  EXPECT_THAT(as_tc_sees(), HasSubstr("burst 10000b"));  // 10 ms
  EXPECT_THAT(as_tc_sees(), HasSubstr("lat 50ms"));
  EXPECT_EQ(find_impairment(socket(), "lan"), rate);
  rate.rate = 40'000'000'000;
  set_impairment(socket(), "lan", rate);
  EXPECT_EQ(find_impairment(socket(), "lan"), rate);
}

TEST_F(Impairments, GoWhereThereAreSomeAndWhereThereAreNone) {
  EXPECT_EQ(find_impairment(socket(), "lan"), std::nullopt);
  clear_impairment(socket(), "lan");
  Impairment rate;
  rate.rate = 1'000'000;
  if (!serves(rate)) GTEST_SKIP() << "this kernel lacks tbf";
  clear_impairment(socket(), "lan");
  EXPECT_EQ(find_impairment(socket(), "lan"), std::nullopt);
  EXPECT_THAT(as_tc_sees(), testing::Not(HasSubstr("tbf")));
}

TEST_F(Impairments, OfALinkThatIsNotThereAreRefused) {
  try {
    set_impairment(socket(), "none", {100ms, 0us, 0, 0, 0, 0});
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(), "find link none: No such device");
  }
}

TEST(ImpairmentWords, AreThoseOfTc) {
  EXPECT_EQ(impairment_words({100ms, 10ms, 1, 0.1, 25, 10'000'000}),
            "delay 100ms 10ms loss 1% duplicate 0.1% reorder 25% rate 10mbit");
  EXPECT_EQ(impairment_words({1500us, 0us, 0, 0, 0, 64'000}), "delay 1500us rate 64kbit");
  EXPECT_EQ(rate_text(1500), "1500bit");
  EXPECT_EQ(rate_text(2'000'000'000'000), "2000gbit");
}

TEST(TokenBucket, HoldsTwoPacketsOrTenMilliseconds) {
  EXPECT_EQ(token_bucket(8'000'000, 1500).burst, 10'000u);
  EXPECT_EQ(token_bucket(8'000'000, 1500).limit, 60'000u);
  EXPECT_EQ(token_bucket(64'000, 1500).burst, 3028u);
}

}  // namespace
