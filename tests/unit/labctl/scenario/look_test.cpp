// What an expectation means: when it holds, and what is said to have been seen.
#include "labctl/scenario/look.h"

#include <gmock/gmock.h>

#include "tests/unit/labctl/scenario/fake_lab.h"

namespace scenario {
namespace {

using testing::HasSubstr;

const char* const lab_text = R"(
version: 1
name: lab
networks: {lan: {subnet: 10.0.0.0/24}}
nodes:
  client: {links: {lan: 10.0.0.1}, workloads: {w: {run: x}}}
  ds: {links: {lan: 10.0.0.2}}
scenario: [{expect: )";

class LookTest : public testing::Test {
 protected:
  // EXPECTATION as a topology has it.
  Look look_at(const std::string& expectation) {
    topology::Topology topology = topology::parse(lab_text + expectation + "}]", "t.yaml");
    Resolver resolver(lab_, topology);
    return look(lab_, resolver, std::get<topology::Expect>(topology.scenario.at(0).action).what);
  }
  bool holds(const std::string& expectation) { return look_at(expectation).holds; }
  std::string seen(const std::string& expectation) { return look_at(expectation).seen; }

  void probe_answers(std::vector<std::string> requests) {
    lab_.answer = [requests = std::move(requests)](const lab::Command&) { return probed(requests); };
  }
  void inspect_answers(const std::string& table) {
    lab_.answer = [table](const lab::Command&) { return printed(table); };
  }
  std::vector<std::string> asked() const { return lab_.commands.back().arguments; }

  FakeLab lab_;
};

// ---- reach

TEST_F(LookTest, AReachHoldsWhenEveryRequestIsAnswered) {
  probe_answers({answered("rs1"), answered("rs2")});
  Look look = look_at("{from: client, http: 'http://x/', requests: 2}");
  EXPECT_TRUE(look.holds);
  EXPECT_THAT(look.seen, HasSubstr("2 requests: 1 answered by rs1 seeing 10.0.0.1, 1 answered by rs2"));
  EXPECT_EQ(lab_.commands.back().node, "client");
  EXPECT_THAT(asked(), testing::ElementsAre("/run/labctl/libexec/probe", "--requests", "2", "--timeout", "5000",
                                            "--body-limit", "65536", "--until", "failure", "http", "http://x/"));
  probe_answers({answered("rs1"), failed("timeout")});
  look = look_at("{from: client, http: 'http://x/', requests: 3}");
  EXPECT_FALSE(look.holds);
  EXPECT_EQ(look.seen, "request 2: timed out after 2000.0 ms (connect: kernel's words)");
}

TEST_F(LookTest, AReachTellsStatusAndBody) {
  probe_answers({answered("rs1", "n", "10.0.0.1", 503)});
  EXPECT_FALSE(holds("{from: client, http: 'http://x/'}")) << "a server's refusal is no reach";
  EXPECT_TRUE(holds("{from: client, http: 'http://x/', status: 503}"));
  EXPECT_FALSE(holds("{from: client, http: 'http://x/', status: 200}"));
  probe_answers({answered("rs1")});
  EXPECT_TRUE(holds("{from: client, http: 'http://x/', body: '\"server\"'}"));
  EXPECT_THAT(seen("{from: client, http: 'http://x/', body: hello}"), HasSubstr("the answer lacks \"hello\""));
}

TEST_F(LookTest, AnsweredByMeansExactlyTheseServers) {
  probe_answers({answered("rs1", "n1"), answered("rs2", "n2"), answered("rs1", "n1")});
  EXPECT_TRUE(holds("{from: client, http: 'http://x/', requests: 3, answeredBy: [rs2, rs1]}"));
  EXPECT_FALSE(holds("{from: client, http: 'http://x/', requests: 3, answeredBy: rs1}"));
  EXPECT_EQ(seen("{from: client, http: 'http://x/', requests: 3, answeredBy: [rs1, rs2, rs3]}"),
            "servers rs1, rs2 answered, not exactly rs1, rs2, rs3");
  probe_answers({R"({"ok":true,"status":200,"body":"<html>"})"});
  EXPECT_THAT(seen("{from: client, http: 'http://x/', answeredBy: rs1}"), HasSubstr("does not say who answered"));
}

TEST_F(LookTest, AnsweredOnMeansExactlyTheseNodes) {
  probe_answers({answered("a", "ds"), answered("b", "ds")});
  EXPECT_TRUE(holds("{from: client, http: 'http://x/', requests: 2, answeredOn: ds}"));
  EXPECT_FALSE(holds("{from: client, http: 'http://x/', requests: 2, answeredOn: [ds, client]}"));
}

TEST_F(LookTest, AnswersAreCounted) {
  probe_answers({answered("rs1"), answered("rs2"), answered("rs1"), answered("rs1")});
  EXPECT_TRUE(holds("{from: client, http: 'http://x/', requests: 4, answers: {rs1: 3, rs2: 1}}"));
  EXPECT_TRUE(holds("{from: client, http: 'http://x/', requests: 4, answers: {rs1: 2-3, rs2: 1-4, rs3: 0-1}}"));
  EXPECT_FALSE(holds("{from: client, http: 'http://x/', requests: 4, answers: {rs1: 0-4}}")) << "rs2 answered, too";
  EXPECT_EQ(seen("{from: client, http: 'http://x/', requests: 4, answers: {rs1: 2, rs2: 2}}"),
            "of 4 requests were answered 3 by rs1, 1 by rs2");
}

TEST_F(LookTest, SeesIsWhatEveryServerSaw) {
  probe_answers({answered("rs1", "n", "10.0.0.2"), answered("rs2", "n", "10.0.0.1")});
  EXPECT_EQ(seen("{from: client, http: 'http://x/', requests: 2, sees: 10.0.0.2}"),
            "request 2: rs2 sees 10.0.0.1, not 10.0.0.2");
  probe_answers({answered("rs1", "n", "10.0.0.2")});
  EXPECT_TRUE(holds("{from: client, tcp: 'x:1', sees: '${node:ds:ip}'}"));
  EXPECT_THAT(asked(), testing::Contains("--read-line")) << "a TCP server says it first";
}

TEST_F(LookTest, AFailureMustBeTheOneThatIsExpected) {
  probe_answers({failed("timeout")});
  EXPECT_TRUE(holds("{from: client, http: 'http://x/', fails: timeout}"));
  EXPECT_THAT(asked(), testing::IsSupersetOf({"--until", "success", "2000"}));
  EXPECT_TRUE(holds("{from: client, http: 'http://x/', fails: any}"));
  EXPECT_FALSE(holds("{from: client, http: 'http://x/', fails: refused}"));
  EXPECT_FALSE(holds("{from: client, http: 'http://x/', fails: unreachable}"));
  EXPECT_FALSE(holds("{from: client, http: 'http://x/', fails: reset}"));
  probe_answers({failed("other", "look up x: no such name")});
  EXPECT_TRUE(holds("{from: client, http: 'http://x/', fails: any}"));
  probe_answers({failed("timeout"), failed("refused")});
  EXPECT_THAT(seen("{from: client, http: 'http://x/', fails: timeout, requests: 2}"), HasSubstr("refused after"));
  probe_answers({failed("timeout"), answered("rs1", "n", "10.0.0.1", 503)});
  Look look = look_at("{from: client, http: 'http://x/', fails: any, requests: 2}");
  EXPECT_FALSE(look.holds) << "an answer, of whatever status, is no failure to reach";
  EXPECT_THAT(look.seen, HasSubstr("answered by rs1"));
}

TEST_F(LookTest, AProbeThatCannotRunIsNoFailureToReach) {
  lab_.answer = [](const lab::Command&) { return ended(1, "probe: open a socket: Operation not permitted\n"); };
  EXPECT_THROW(look_at("{from: client, http: 'http://x/', fails: any}"), base::Error);
  lab_.answer = [](const lab::Command&) { return printed("nonsense"); };
  EXPECT_THROW(look_at("{from: client, http: 'http://x/', fails: any}"), base::Error);
}

// ---- commands

TEST_F(LookTest, ACommandEndsAndPrints) {
  lab_.answer = [](const lab::Command&) { return printed("default via 10.0.0.2 dev lan\n"); };
  EXPECT_TRUE(holds("{on: client, run: 'ip route', prints: 'via ${node:ds:ip} dev'}"));
  EXPECT_FALSE(holds("{on: client, run: 'ip route', prints: 'via ${node:client:ip} dev'}"));
  EXPECT_FALSE(holds("{on: client, run: 'ip route', exit: 1}"));
  EXPECT_THAT(asked(), testing::ElementsAre("sh", "-c", "ip route"));
  lab_.answer = [](const lab::Command&) { return ended(2, "no such thing"); };
  EXPECT_TRUE(holds("{on: client, run: 'false', exit: 2}"));
  EXPECT_EQ(seen("{on: client, run: 'false'}"), "exit code 2\nno such thing");
}

// ---- tables

TEST_F(LookTest, IpvsHasExactlyTheseServers) {
  inspect_answers(R"({"text":"table","services":[
    {"protocol":"udp","address":"10.10.0.1","port":80,"servers":[]},
    {"protocol":"tcp","address":"10.10.0.1","port":80,"servers":[
      {"address":"10.0.0.9","port":8080,"weight":1},{"address":"fd00::1","port":8080,"weight":1},
      {"address":"10.0.0.7","port":8080,"weight":0}]}]})");
  EXPECT_TRUE(holds("{on: ds, ipvs: 'tcp://10.10.0.1:80', servers: ['[fd00::1]:8080', '10.0.0.9:8080']}"))
      << "one of weight 0 takes no connections";
  EXPECT_THAT(asked(), testing::ElementsAre("/run/labctl/libexec/inspect", "ipvs"));
  EXPECT_FALSE(holds("{on: ds, ipvs: 'tcp://10.10.0.1:80', servers: ['10.0.0.9:8080']}"));
  EXPECT_TRUE(holds("{on: ds, ipvs: 'tcp://10.10.0.1:80', count: 2}"));
  EXPECT_FALSE(holds("{on: ds, ipvs: 'tcp://10.10.0.1:80', count: 3}"));
  EXPECT_TRUE(holds("{on: ds, ipvs: 'udp://10.10.0.1:80'}"));
  EXPECT_THAT(seen("{on: ds, ipvs: 'tcp://10.10.0.1:80', count: 3}"), HasSubstr("(of weight 0: 10.0.0.7:8080)"));
  EXPECT_EQ(seen("{on: ds, ipvs: 'tcp://10.10.0.1:81'}"), "no such virtual service\ntable");
}

TEST_F(LookTest, ASetHasMembers) {
  inspect_answers(R"({"sets":[{"name":"S","entries":["10.0.0.1,tcp:80","10.0.0.2,tcp:80"]}]})");
  EXPECT_TRUE(holds("{on: ds, ipset: S, contains: ['${node:client:ip},tcp:80']}"));
  EXPECT_THAT(asked(), testing::ElementsAre("/run/labctl/libexec/inspect", "ipset", "S"));
  EXPECT_THAT(seen("{on: ds, ipset: S, contains: ['10.0.0.3,tcp:80']}"),
              HasSubstr("it lacks 10.0.0.3,tcp:80; it has\n"));
  inspect_answers(R"({"sets":[]})");
  EXPECT_EQ(seen("{on: ds, ipset: S}"), "no such set");
}

TEST_F(LookTest, AConnectionHasTheseWordsInThisOrder) {
  inspect_answers(R"({"entries":[
    {"line":"tcp      6 119 TIME_WAIT src=10.0.0.1 dst=10.10.0.1 sport=4000 dport=80 src=10.0.0.9 dst=10.0.0.2 [ASSURED] mark=0"},
    {"line":"udp      17 20 src=10.0.0.1 dst=10.0.0.53 sport=5000 dport=53 [UNREPLIED] src=10.0.0.53 dst=10.0.0.1"}]})");
  EXPECT_TRUE(holds("{on: ds, conntrack: 'tcp src=10.0.0.1 dst=10.10.0.1 src=10.0.0.9 [ASSURED]'}"));
  EXPECT_FALSE(holds("{on: ds, conntrack: 'src=10.0.0.9 src=10.0.0.1'}")) << "the other way round";
  EXPECT_FALSE(holds("{on: ds, conntrack: 'src=10.0.0.1 dst=10.0.0.53 [ASSURED]'}")) << "of two entries";
  EXPECT_FALSE(holds("{on: ds, conntrack: 'dst=10.0.0.5'}")) << "part of a word";
  EXPECT_TRUE(holds("{on: ds, conntrack: 'udp [UNREPLIED]'}"));
  inspect_answers(R"({"entries":[]})");
  EXPECT_EQ(seen("{on: ds, conntrack: 'udp'}"), "the connection table is empty");
}

TEST_F(LookTest, ConnectionsAreCounted) {
  inspect_answers(R"({"entries":[
    {"line":"tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.10.0.1 sport=4000 dport=80 src=10.10.0.1 dst=10.0.0.1"},
    {"line":"tcp      6 100 ESTABLISHED src=10.0.0.1 dst=10.10.0.1 sport=4001 dport=80 src=10.10.0.1 dst=10.0.0.1"},
    {"line":"tcp      6 119 TIME_WAIT src=10.0.0.1 dst=10.10.0.1 sport=4002 dport=80 src=10.10.0.1 dst=10.0.0.1"}]})");
  EXPECT_TRUE(holds("{on: ds, conntrack: 'tcp ESTABLISHED src=10.0.0.1', count: 2}"));
  EXPECT_FALSE(holds("{on: ds, conntrack: 'tcp ESTABLISHED src=10.0.0.1', count: 1}"));
  EXPECT_TRUE(holds("{on: ds, conntrack: 'tcp', atLeast: 3}"));
  EXPECT_FALSE(holds("{on: ds, conntrack: 'tcp', atLeast: 4}"));
  EXPECT_TRUE(holds("{on: ds, conntrack: 'udp', count: 0}"));
  EXPECT_FALSE(holds("{on: ds, conntrack: 'tcp TIME_WAIT', count: 0}"));
}

TEST_F(LookTest, AProcessIsInAState) {
  lab_.process_list = {{{"name", "w@client"}, {"state", "exited"}, {"restarts", 2}, {"exit", 3}}};
  EXPECT_TRUE(holds("{process: w@client, state: exited, restarts: 2}"));
  EXPECT_EQ(seen("{process: w@client, state: ready}"), "it is exited, exit code 3, and was restarted 2 times");
  EXPECT_FALSE(holds("{process: w@client, restarts: 3}"));
  EXPECT_TRUE(holds("{process: w@client, restarts: 1}"));
}

// ---- DNS

TEST_F(LookTest, ANameServerAnswersExactlyTheseRecords) {
  probe_answers({R"({"ok":true,"body":"10.0.0.1\n10.0.0.2","milliseconds":1})"});
  EXPECT_TRUE(holds("{from: client, dns: web.lab, records: [10.0.0.2, '${node:client:ip}'], server: 10.0.0.2}"));
  EXPECT_THAT(asked(),
              testing::ElementsAre("/run/labctl/libexec/probe", "--requests", "1", "--timeout", "5000", "--body-limit",
                                   "65536", "--type", "A", "--server", "10.0.0.2", "dns", "web.lab"));
  EXPECT_EQ(seen("{from: client, dns: web.lab, records: 10.0.0.1}"), "answered 10.0.0.1, 10.0.0.2 (1.0 ms)");
  EXPECT_FALSE(holds("{from: client, dns: web.lab, records: 10.0.0.1}"));
  EXPECT_TRUE(holds("{from: client, dns: web.lab, contains: 10.0.0.1}"));
  EXPECT_FALSE(holds("{from: client, dns: web.lab, contains: 10.0.0.3}"));
  EXPECT_FALSE(holds("{from: client, dns: web.lab, fails: any}"));
  probe_answers({R"({"ok":true,"body":"0 5 80 Web.lab."})"});
  EXPECT_TRUE(holds("{from: client, dns: _http._tcp.lab, type: SRV, records: 0 5 80 web.lab}"));
  probe_answers({R"({"ok":true,"body":"\"Hello there\""})"});
  EXPECT_TRUE(holds("{from: client, dns: web.lab, type: TXT, records: Hello there}"));
  EXPECT_FALSE(holds("{from: client, dns: web.lab, type: TXT, records: hello there}")) << "text is not a name";
}

TEST_F(LookTest, ANameServerFailsAsExpected) {
  probe_answers({failed("nxdomain", "there is no such name")});
  EXPECT_TRUE(holds("{from: client, dns: web.lab, fails: nxdomain}"));
  EXPECT_FALSE(holds("{from: client, dns: web.lab, fails: nodata}"));
  EXPECT_TRUE(holds("{from: client, dns: web.lab, fails: any}"));
  EXPECT_EQ(seen("{from: client, dns: web.lab}"), "nxdomain after 2000.0 ms (there is no such name)");
}

// ---- rules

TEST_F(LookTest, ARuleHasCounted) {
  inspect_answers(R"x({"rules":[
    {"chain":"POSTROUTING","rule":"-m ipvs --vaddr 10.10.0.1/32 -j MASQUERADE","packets":3,"bytes":180},
    {"chain":"POSTROUTING","rule":"-m ipvs --vaddr 10.10.0.1/32 -j LOG","packets":2,"bytes":1},
    {"chain":"INPUT","rule":"-j DROP","packets":0,"bytes":0}]})x");
  EXPECT_TRUE(holds("{on: ds, table: nat, rule: '--vaddr 10.10.0.1', packets: 5}")) << "all that have this text";
  EXPECT_THAT(asked(), testing::ElementsAre("/run/labctl/libexec/inspect", "rules", "nat"));
  EXPECT_FALSE(holds("{on: ds, rule: '--vaddr 10.10.0.1', packets: 3}"));
  EXPECT_TRUE(holds("{on: ds, rule: '-j DROP', packets: 0}"));
  EXPECT_TRUE(holds("{on: ds, rule: '-j MASQUERADE', atLeast: 3}"));
  EXPECT_FALSE(holds("{on: ds, rule: '-j MASQUERADE', atLeast: 4}"));
  EXPECT_TRUE(holds("{on: ds, rule: '-A INPUT -j DROP'}"));
  Look look = look_at("{on: ds, rule: '--dport 80', packets: 0}");
  EXPECT_FALSE(look.holds) << "a rule that is not there has not counted nothing";
  EXPECT_THAT(look.seen, HasSubstr("no rule of table filter has this text\n[3:180] -A POSTROUTING -m ipvs"));
}

TEST_F(LookTest, ATableThatTheKernelLacksIsAnError) {
  lab_.answer = [](const lab::Command&) { return ended(1, "inspect: open IPVS: no\n"); };
  try {
    look_at("{on: ds, ipvs: 'tcp://10.10.0.1:80'}");
    ADD_FAILURE() << "no error";
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(), "ds: /run/labctl/libexec/inspect ended with exit code 1: inspect: open IPVS: no");
  }
}

}  // namespace
}  // namespace scenario
