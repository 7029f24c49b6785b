// A running lab brought to an edited topology: what differs is changed, and nothing else is touched.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <chrono>
#include <thread>

#include "lib/base/error.h"
#include "lib/kube/objects.h"
#include "tests/lab/running_lab/running_lab.h"

namespace {

using running_lab::EachKernel;
using running_lab::OnAnEmbeddedKernel;
using running_lab::RunningLab;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kLab = R"(
version: 1
name: edited
networks: {lan: {subnet: 10.0.0.0/24}}
nodes:
  alice:
    links: {lan: 10.0.0.1}
    workloads: {other: {run: "exec sleep 1000"}}
  bob:
    links: {lan: 10.0.0.2}
    routes: ["10.8.0.0/16 via 10.0.0.1"]
    sysctls: {net.ipv4.ip_forward: 1}
    workloads:
      web:
        ready: {tcp: 8080}
        run: |
          exec perl -MIO::Socket::INET -e '$server = IO::Socket::INET->new(Listen => 5, LocalPort => 8080);
            while ($client = $server->accept) { print $client $_ while <$client> }'
  carol: {links: {lan: 10.0.0.3}}
)";

std::string with(std::string text, const std::string& before, const std::string& after) {
  std::size_t at = text.find(before);
  if (at == std::string::npos) throw std::logic_error("no " + before);
  return text.replace(at, before.size(), after);
}

// How it ended; the messages of what was done, one a line, in "done".
boost::json::object apply_topology(RunningLab& lab, const std::string& text) {
  boost::json::object wanted{{"topology", {{"path", "edited.yaml"}, {"text", text}}}}, end;
  std::string stream, done;
  lab.control().post_stream("/v1/apply", wanted, [&](std::string_view piece) { return stream.append(piece), true; });
  for (std::size_t length; (length = stream.find('\n')) != std::string::npos; stream.erase(0, length + 1)) {
    end = boost::json::parse(stream.substr(0, length)).as_object();
    if (const auto* what = end.if_contains("done")) done += std::string(what->as_string()) + "\n";
  }
  end["done"] = done;
  return end;
}

std::int64_t pid_of(RunningLab& lab, const std::string& process) {
  for (const boost::json::value& it : lab.control().processes()) {
    if (it.at("name") == boost::json::string(process)) return kube::number_at(it.as_object(), "pid");
  }
  return 0;
}

std::vector<std::string> nodes_of(RunningLab& lab) {
  std::vector<std::string> names;
  for (const boost::json::value& it : lab.control().nodes()) names.emplace_back(it.at("name").as_string());
  return names;
}

class ApplyTest : public EachKernel {};

// A connection from alice to the echo server on bob, which lives as long as this, in alice.
class Connection {
 public:
  explicit Connection(RunningLab& lab) : lab_(lab) {
    lab_.run("alice",
             "mkfifo /tmp/in; setsid bash -c 'exec 3<>/dev/tcp/10.0.0.2/8080 4<>/tmp/in; cat <&3 >/tmp/out & "
             "exec cat <&4 >&3' </dev/null >/dev/null 2>&1 &");
  }
  // Whether what is said comes back by the same connection.
  bool answers(const std::string& word) {
    std::string command = "echo " + word + " > /tmp/in; for i in $(seq 100); do grep -q " + word +
                          " /tmp/out && { echo yes; break; }; sleep 0.05; done";
    return lab_.run("alice", command) == "yes\n";
  }

 private:
  RunningLab& lab_;
};

TEST_P(ApplyTest, ChangesWhatDiffersAndLeavesTheRestAlone) {
  RunningLab lab(kLab, kernel());
  std::int64_t web = pid_of(lab, "web@bob"), other = pid_of(lab, "other@alice");
  Connection connection(lab);
  ASSERT_TRUE(connection.answers("before"));

  std::string text = with(kLab, "  carol: {links: {lan: 10.0.0.3}}",
                          "  dave: {links: {lan: 10.0.0.4}, workloads: {d: {run: \"exec sleep 999\"}}}");
  text = with(text, "ip_forward: 1", "ip_forward: 0");
  text = with(text, "via 10.0.0.1", "via 10.0.0.4");
  text = with(text, "bob:\n    links: {lan: 10.0.0.2}", "bob:\n    links: {lan: [10.0.0.2, 10.0.0.22]}");
  text = with(text, "sleep 1000", "sleep 2000");
  boost::json::object end = apply_topology(lab, text);
  ASSERT_TRUE(end.at("applied").as_bool()) << end;
  EXPECT_THAT(std::string(end.at("done").as_string()),
              testing::AllOf(HasSubstr("node carol removed\n"), HasSubstr("node dave created\n"),
                             HasSubstr("bob: sysctl net.ipv4.ip_forward changed\n"),
                             HasSubstr("bob: route 10.8.0.0/16 changed\n"),
                             HasSubstr("bob: address 10.0.0.22/24 on lan created\n")));

  EXPECT_THAT(nodes_of(lab), ElementsAre("alice", "bob", "dave"));
  EXPECT_EQ(lab.run("bob", "cat /proc/sys/net/ipv4/ip_forward"), "0\n");
  EXPECT_THAT(lab.run("bob", "ip route show 10.8.0.0/16"), HasSubstr("via 10.0.0.4"));
  EXPECT_THAT(lab.run("alice", "ping -c 1 -W 5 dave"), HasSubstr("1 received")) << "its name is known as well";
  EXPECT_THAT(lab.run("alice", "ping -c 1 -W 5 10.0.0.22"), HasSubstr("1 received"));
  EXPECT_THAT(lab.run("alice", "getent hosts carol; ping -c 1 -W 1 10.0.0.3"), Not(HasSubstr("carol")));
  EXPECT_THAT(lab.run("alice", "ps -eo args"), HasSubstr("sleep 2000"));
  EXPECT_THAT(lab.run("alice", "ps -eo args"), Not(HasSubstr("sleep 1000")));

  EXPECT_NE(pid_of(lab, "other@alice"), other);
  EXPECT_EQ(pid_of(lab, "web@bob"), web) << "what did not change was restarted";
  EXPECT_TRUE(connection.answers("after"));
}

TEST_P(ApplyTest, GoesOnFromWhatWasApplied) {
  RunningLab lab(kLab, kernel());
  std::string text = with(kLab, "lan: 10.0.0.2", "lan: 10.0.0.5");
  ASSERT_TRUE(apply_topology(lab, text).at("applied").as_bool());
  EXPECT_EQ(lab.control().get("/v1/topology").at("text"), boost::json::string(text));
  lab.control().restart_node("bob");
  EXPECT_THAT(lab.run("alice", "ping -c 1 -W 5 10.0.0.5"), HasSubstr("1 received"));
  EXPECT_EQ(std::string(apply_topology(lab, text).at("done").as_string()), "") << "there is nothing more to do";
  // And back.
  ASSERT_TRUE(apply_topology(lab, kLab).at("applied").as_bool());
  EXPECT_THAT(lab.run("alice", "ping -c 1 -W 5 bob"), HasSubstr("1 received"));
  EXPECT_THAT(lab.run("bob", "ip route show 10.8.0.0/16"), HasSubstr("via 10.0.0.1"))
      << "a route that went along with the address";
}

TEST_P(ApplyTest, TellsNamesWhateverANodeHasPutInTheFilesPlace) {
  RunningLab lab(kLab, kernel());
  lab.run("alice", "rm /run/labctl/hosts && mkfifo /run/labctl/hosts");
  lab.run("bob", "ln -sf /nowhere/hosts /run/labctl/hosts");
  boost::json::object end = apply_topology(lab, with(kLab, "carol: {", "dave: {"));
  ASSERT_TRUE(end.at("applied").as_bool()) << end;
  for (const char* node : {"alice", "bob"}) {
    EXPECT_THAT(lab.run(node, "getent hosts dave"), HasSubstr("10.0.0.3")) << node;
  }
}

TEST_P(ApplyTest, GivesBackWhatASysctlWas) {
  RunningLab lab(kLab, kernel());
  std::string before = lab.run("alice", "cat /proc/sys/net/ipv4/ip_forward");
  ASSERT_TRUE(apply_topology(lab, with(kLab, "    sysctls: {net.ipv4.ip_forward: 1}\n", "")).at("applied").as_bool());
  EXPECT_EQ(lab.run("bob", "cat /proc/sys/net/ipv4/ip_forward"), before);
}

TEST_P(ApplyTest, RestartsANodeWhoseLinkIsAnother) {
  RunningLab lab(kLab, kernel());
  std::int64_t web = pid_of(lab, "web@bob"), other = pid_of(lab, "other@alice");
  std::string text = with(kLab, "networks: {", "networks: {far: {subnet: 10.1.0.0/24}, ");
  text =
      with(text, "alice:\n    links: {lan: 10.0.0.1}", "alice:\n    links: {lan: {network: far, address: 10.1.0.1}}");
  text = with(text, "    routes: [\"10.8.0.0/16 via 10.0.0.1\"]\n", "");
  boost::json::object end = apply_topology(lab, text);
  ASSERT_TRUE(end.at("applied").as_bool()) << end;
  EXPECT_THAT(std::string(end.at("done").as_string()), HasSubstr("node alice restarted\n"));
  EXPECT_THAT(lab.run("alice", "ip -br address show lan"), HasSubstr("10.1.0.1/24"));
  EXPECT_NE(pid_of(lab, "other@alice"), other);
  EXPECT_NE(pid_of(lab, "other@alice"), 0);
  EXPECT_EQ(pid_of(lab, "web@bob"), web);
}

TEST_P(ApplyTest, SaysWhatWasNotDoneAndDoesItTheNextTime) {
  RunningLab lab(kLab, kernel());
  std::string text = with(kLab, "net.ipv4.ip_forward: 1",
                          "net.ipv4.conf.all.forwarding: 1, net.ipv4.ip_default_ttl: nonsense, net.ipv4.ip_forward: 0");
  boost::json::object end = apply_topology(lab, text);
  EXPECT_FALSE(end.at("applied").as_bool());
  EXPECT_THAT(std::string(end.at("error").as_string()), HasSubstr("ip_default_ttl"));
  EXPECT_THAT(boost::json::serialize(end.at("notDone")), HasSubstr("ip_default_ttl created"));
  EXPECT_EQ(lab.control().lab().at("state"), "ready");
  end = apply_topology(lab, with(text, "nonsense", "77"));
  ASSERT_TRUE(end.at("applied").as_bool()) << end;
  EXPECT_THAT(std::string(end.at("done").as_string()), Not(HasSubstr("conf.all.forwarding"))) << "that was done before";
  EXPECT_EQ(lab.run("bob", "cat /proc/sys/net/ipv4/ip_default_ttl"), "77\n");
}

TEST_P(ApplyTest, RefusesWhatIsWrongBeforeAnythingIsTouched) {
  RunningLab lab(kLab, kernel());
  EXPECT_THROW(apply_topology(lab, "version: 1\nname: x\nnodse: {}\n"), base::Error);
  try {
    apply_topology(lab, with(kLab, "nodes:", "mounts: [{source: /usr/share}]\nnodes:"));
    FAIL() << "mounts cannot be changed";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("mounts"));
  }
  EXPECT_THAT(nodes_of(lab), ElementsAre("alice", "bob", "carol"));
}

INSTANTIATE_TEST_SUITE_P(On, ApplyTest, testing::Values("host", "uml"), running_lab::name_of_kernel);

class ApplyIpvsTest : public OnAnEmbeddedKernel {};

TEST_F(ApplyIpvsTest, ServersComeAndGoWithoutTheirService) {
  const std::string before = R"(
version: 1
name: balanced
networks: {lan: {subnet: 10.0.0.0/24}}
nodes:
  ds:
    links: {lan: 10.0.0.1, vip: {kind: dummy, address: 10.9.9.9/32}}
    ipvs: [{service: "tcp://10.9.9.9:80", servers: ["10.0.0.2:80", "10.0.0.3:80"]}]
)";
  RunningLab lab(before, "uml");
  lab.run("ds", "ipvsadm -a -t 10.9.9.9:80 -r 10.0.0.77:80 -m");  // by hand: only what the file says is changed
  std::string after = with(before, "\"10.0.0.2:80\", ", "\"10.0.0.4:80\", ");
  after = with(after, "\"tcp://10.9.9.9:80\"", "\"tcp://10.9.9.9:80\", scheduler: wrr");
  boost::json::object end = apply_topology(lab, after);
  ASSERT_TRUE(end.at("applied").as_bool()) << end;
  std::string table = lab.run("ds", "ipvsadm -Ln");
  EXPECT_THAT(table, HasSubstr("TCP  10.9.9.9:80 wrr"));
  EXPECT_THAT(table, HasSubstr("10.0.0.3:80"));
  EXPECT_THAT(table, HasSubstr("10.0.0.4:80"));
  EXPECT_THAT(table, HasSubstr("10.0.0.77:80"));
  EXPECT_THAT(table, Not(HasSubstr("10.0.0.2:80")));
}

}  // namespace
