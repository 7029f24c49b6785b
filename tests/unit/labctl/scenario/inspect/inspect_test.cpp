// The program inspect shows what the tools of each table have put there.
#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "lib/base/run.h"
#include "tests/unit/private_network.h"

namespace {

using testing::HasSubstr;

class Inspect : public PrivateNetwork {
 protected:
  static base::RunResult run(std::vector<std::string> words) {
    words.insert(words.begin(), LIBEXEC_DIR "/inspect");
    return base::run_command(words);
  }
  static boost::json::value look(const std::vector<std::string>& words) {
    base::RunResult result = run(words);
    if (result.exit_code != 0) throw std::runtime_error(result.error_output);
    return boost::json::parse(result.output);
  }
  // False where this machine cannot do it.
  static bool done(const std::string& command) { return base::run_command({"sh", "-c", command}).exit_code == 0; }
};

TEST_F(Inspect, ShowsRules) {
  if (!done("iptables-legacy -A OUTPUT -d 127.0.0.9 -j DROP")) GTEST_SKIP() << "iptables-legacy does not work here";
  done("ping -c 1 -W 0.1 127.0.0.9");
  boost::json::value rules = look({"rules", "filter"}).at("rules");
  ASSERT_EQ(rules.as_array().size(), 1u);
  EXPECT_EQ(rules.at(0).at("rule").as_string(), "-d 127.0.0.9/32 -j DROP");
  EXPECT_EQ(rules.at(0).at("chain").as_string(), "OUTPUT");
  EXPECT_EQ(rules.at(0).at("packets").to_number<int>(), 1);
}

TEST_F(Inspect, ShowsSets) {
  if (!done("ipset create s hash:ip,port && ipset create t hash:ip")) GTEST_SKIP() << "no IP sets here";
  done("ipset add s 10.0.0.1,tcp:80");
  boost::json::value one = look({"ipset", "s"}).at("sets");
  ASSERT_EQ(one.as_array().size(), 1u);
  EXPECT_EQ(one.at(0).at("entries").at(0).as_string(), "10.0.0.1,tcp:80");
  EXPECT_EQ(one.at(0).at("type").as_string(), "hash:ip,port");
  EXPECT_EQ(look({"ipset"}).at("sets").as_array().size(), 2u);
  EXPECT_TRUE(look({"ipset", "nothing"}).at("sets").as_array().empty());
}

TEST_F(Inspect, ShowsConnections) {
  std::string add =
      "conntrack -I -s 10.0.0.1 -d 10.10.0.1 -r 10.0.0.9 -q 10.0.0.2 -p tcp --sport 4000 --dport 80 "
      "--reply-port-src 8080 --reply-port-dst 4000 --timeout 100 --state ESTABLISHED --status ASSURED,SEEN_REPLY";
  if (!done(add)) GTEST_SKIP() << "no connection table here";
  boost::json::value entry = look({"conntrack"}).at("entries").at(0);
  EXPECT_EQ(entry.at("protocol").to_number<int>(), 6);
  EXPECT_EQ(entry.at("state").as_string(), "ESTABLISHED");
  EXPECT_TRUE(entry.at("assured").as_bool());
  EXPECT_EQ(entry.at("original").at("destination").as_string(), "10.10.0.1");
  EXPECT_EQ(entry.at("reply").at("sourcePort").to_number<int>(), 8080);
  EXPECT_THAT(std::string(entry.at("line").as_string()),
              HasSubstr("src=10.0.0.1 dst=10.10.0.1 sport=4000 dport=80 src=10.0.0.9"));
}

TEST_F(Inspect, SaysWhatItCannot) {
  EXPECT_EQ(run({}).exit_code, 2);
  EXPECT_EQ(run({"rules"}).exit_code, 2);
  EXPECT_EQ(run({"nothing"}).exit_code, 2);
  base::RunResult missing = run({"rules", "no-such-table"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.error_output, HasSubstr("inspect: "));
}

}  // namespace
