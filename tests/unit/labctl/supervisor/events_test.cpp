#include "labctl/supervisor/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using supervisor::Events;

TEST(Events, AreKeptInTheirOrderUpToALimit) {
  Events events;
  for (size_t i = 0; i < Events::kept + 5; ++i) events.add("node", "kind", std::to_string(i));
  EXPECT_EQ(events.all().size(), Events::kept);
  EXPECT_EQ(events.all().front().at("message").as_string(), "5");
  EXPECT_EQ(events.all().back().at("message").as_string(), std::to_string(Events::kept + 4));
}

TEST(Events, SayWhenWhereAndWhat) {
  Events events;
  events.add("rs1", "exited", "web (exit code 1)");
  const boost::json::object& event = events.all().front();
  EXPECT_EQ(event.at("node").as_string(), "rs1");
  EXPECT_EQ(event.at("kind").as_string(), "exited");
  EXPECT_EQ(event.at("message").as_string(), "web (exit code 1)");
  EXPECT_THAT(std::string(event.at("time").as_string()),
              testing::MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z"));
}

TEST(Events, AreToldToThoseWhoFollow) {
  Events events;
  int told = 0;
  std::uint64_t follower = events.follow([&](const boost::json::object&) { ++told; });
  events.add("", "lab", "ready");
  events.unfollow(follower);
  events.add("", "lab", "ends");
  EXPECT_EQ(told, 1);
}

}  // namespace
