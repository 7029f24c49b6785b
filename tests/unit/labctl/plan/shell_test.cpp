// to_shell() writes what a person would type: here the text is run by sh, and iproute2 is asked what is there then.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "labctl/plan/plan.h"
#include "lib/base/run.h"
#include "tests/unit/golden.h"

namespace {

namespace json = boost::json;
using namespace plan;

// Where the networks' bridges are: it is made first.
std::string& switch_namespace() {
  static std::string name;
  return name;
}

// Namespaces of the test's own, so that `ip netns add` changes nothing of the host: it mounts below /run/netns, where
// the host's may be. A user who is not root is root in a user namespace.
class PlanShell : public testing::Test {
 protected:
  void SetUp() override {
    int user = entered() || ::geteuid() == 0 ? 0 : CLONE_NEWUSER;
    std::string uid = "0 " + std::to_string(::getuid()) + " 1", gid = "0 " + std::to_string(::getgid()) + " 1";
    if (::unshare(CLONE_NEWNET | CLONE_NEWNS | user) < 0) GTEST_SKIP() << "this user may not make namespaces";
    if (user != 0) {
      base::write_file("/proc/self/setgroups", "deny");
      base::write_file("/proc/self/uid_map", uid);
      base::write_file("/proc/self/gid_map", gid);
    }
    entered() = true;
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(::mount("run", "/run", "tmpfs", 0, "mode=0755"), 0);
  }

  static bool kernel_has(std::vector<std::string> link_kind) {
    link_kind.insert(link_kind.begin(), {"ip", "link", "add", "probe0", "type"});
    bool made = base::run_command(link_kind).exit_code == 0;
    if (made) base::run_checked({"ip", "link", "delete", "probe0"});
    return made;
  }

  static Plan run(const std::string& name) {
    std::string path = std::string(SOURCE_DIR) + "/tests/unit/labctl/plan/golden/" + name + ".yaml";
    Plan plan = make_plan(topology::parse(base::read_file(path), name));
    std::string shell = to_shell(plan);
    const std::string first = "\nip netns add ";
    size_t begin = shell.find(first) + first.size();
    switch_namespace() = shell.substr(begin, shell.find('\n', begin) - begin);
    base::RunResult result = base::run_command({"sh", "-e"}, shell);
    EXPECT_EQ(result.exit_code, 0) << result.error_output;
    EXPECT_EQ(result.error_output, "");
    return plan;
  }

 private:
  static bool& entered() {
    static bool is_entered = false;
    return is_entered;
  }
};

json::array ip(const std::string& node, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"ip", "-n", node.empty() ? switch_namespace() : node, "-details", "-json"});
  return json::parse(base::run_checked(arguments)).as_array();
}

std::string text(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? "" : value->is_string() ? std::string(value->as_string()) : json::serialize(*value);
}

// What iproute2 says of what the operations ask for. Nothing is taken from the commands.
struct Checker {
  void operator()(const CreateNode& it) const {
    EXPECT_EQ(text(link(it.node, "lo"), "operstate"), "UNKNOWN");  // up, as far as loopback knows
    std::string off =
        base::run_checked({"ip", "netns", "exec", it.node, "cat", "/proc/sys/net/ipv6/conf/default/disable_ipv6"});
    EXPECT_EQ(off, it.ipv6 ? "0\n" : "1\n") << it.node;
  }
  void operator()(const CreateBridge& it) const {
    check_link(it.node, it.name, "bridge", it.mac, it.mtu);
    for (const BridgePort& port : it.ports) EXPECT_EQ(text(link(it.node, port.name.name), "master"), it.name.name);
  }
  void operator()(const CreateCable& it) const {
    check_link(it.node, it.name, "veth", it.mac, it.mtu);
    check_link("", it.switch_end, "veth", it.switch_mac, it.mtu);
    EXPECT_EQ(text(link("", it.switch_end.name), "master"), it.bridge.name);
    EXPECT_EQ(text(link("", it.switch_end.name), "operstate"), "UP");
  }
  void operator()(const CreateWire& it) const {
    check_link(it.node, it.name, "veth", it.mac, it.mtu);
    check_link(it.peer_node, it.peer_name, "veth", it.peer_mac, it.peer_mtu);
    EXPECT_EQ(text(link(it.node, it.name.name), "operstate"), "UP");  // which takes both ends
  }
  void operator()(const CreateDummy& it) const { check_link(it.node, it.name, "dummy", it.mac, it.mtu); }
  void operator()(const CreateVxlan& it) const {
    check_link(it.node, it.name, "vxlan", it.mac, it.mtu);
    json::object info = link(it.node, it.name.name).at("linkinfo").as_object();
    const json::object& data = info.at("info_data").as_object();
    EXPECT_EQ(data.at("id").to_number<unsigned>(), it.vni);
    EXPECT_EQ(data.at("port").to_number<unsigned>(), it.port == 0 ? 8472u : it.port);
    EXPECT_EQ(data.at("learning").as_bool(), it.learning);
    EXPECT_EQ(text(data, "link"), it.device);
    EXPECT_EQ(text(data, "local"), it.local ? it.local->to_string() : "");
  }
  void operator()(const CreateMacvlan& it) const {
    check_link(it.node, it.name, "macvlan", it.mac, it.mtu);
    EXPECT_EQ(text(info(it.node, it.name), "mode"), it.mode);
    EXPECT_EQ(text(link(it.node, it.name.name), "link"), it.device);
  }
  void operator()(const CreateVlan& it) const {
    check_link(it.node, it.name, "vlan", it.mac, it.mtu);
    EXPECT_EQ(text(info(it.node, it.name), "id"), std::to_string(it.id));
    EXPECT_EQ(text(link(it.node, it.name.name), "link"), it.device);
  }
  void operator()(const CreateTunnel& it) const {
    EXPECT_EQ(text(link(it.node, it.name.name).at("linkinfo").as_object(), "info_kind"), it.kind);
    json::object data = info(it.node, it.name);
    EXPECT_EQ(text(data, "local"), it.local->to_string());
    EXPECT_EQ(text(data, "remote"), it.remote->to_string());
    EXPECT_EQ(text(data, "link"), it.device);
    EXPECT_EQ(text(data, "ttl"), it.ttl == 0 ? "0" : std::to_string(it.ttl));
    EXPECT_EQ(text(data, "ikey"), it.key ? fmt::format("0.0.0.{}", *it.key) : "");
  }
  void operator()(const CreateTun& it) const {
    EXPECT_EQ(text(info(it.node, it.name), "type"), it.mac ? "tap" : "tun");
    if (it.mac) {
      EXPECT_EQ(text(link(it.node, it.name.name), "address"), it.mac->to_string());
    }
  }
  void operator()(const SetImpairment& it) const {
    std::string shown = base::run_checked({"tc", "-n", it.node, "qdisc", "show", "dev", it.link});
    EXPECT_NE(shown.find("tbf"), std::string::npos) << shown;
    EXPECT_NE(shown.find("rate 8Mbit burst 10000b lat 50ms"), std::string::npos) << shown;
  }
  void operator()(const AddAddress& it) const {
    json::array links = ip(it.node, {"address", "show", "dev", it.link});
    bool found = false;
    for (const json::value& address : links.at(0).as_object().at("addr_info").as_array()) {
      const json::object& info = address.as_object();
      if (text(info, "local") + "/" + text(info, "prefixlen") != it.address.to_string()) continue;
      found = true;
      EXPECT_FALSE(info.contains("tentative"));  // usable at once, without duplicate address detection
    }
    EXPECT_TRUE(found) << describe(it) << " is not in " << json::serialize(links);
  }
  void operator()(const SetUp& it) const {
    EXPECT_NE(json::serialize(link(it.node, it.link).at("flags")).find("\"UP\""), std::string::npos) << it.link;
  }
  void operator()(const AddRoute& it) const {
    const char* family = it.destination.address.is_v6() ? "-6" : "-4";
    std::string table = it.table ? std::to_string(*it.table) : "main";
    json::array routes =
        json::parse(base::run_checked({"ip", "-n", it.node, "-json", family, "route", "show", "table", table}))
            .as_array();
    std::string wanted = it.destination.is_default()                              ? "default"
                         : it.destination.length == it.destination.address.bits() ? it.destination.address.to_string()
                                                                                  : it.destination.to_string();
    for (const json::value& value : routes) {
      const json::object& route = value.as_object();
      if (text(route, "dst") != wanted) continue;
      EXPECT_EQ(text(route, "gateway"), it.via ? it.via->to_string() : "");
      EXPECT_EQ(text(route, "type"), it.type);
      if (it.mtu) {
        EXPECT_NE(text(route, "metrics").find(std::to_string(*it.mtu)), std::string::npos);
      }
      if (!it.device.empty()) {
        EXPECT_EQ(text(route, "dev"), it.device);
      }
      if (it.source) {
        EXPECT_EQ(text(route, "prefsrc"), it.source->to_string());
      }
      if (it.metric) {
        EXPECT_EQ(text(route, "metric"), std::to_string(*it.metric));
      }
      return;
    }
    ADD_FAILURE() << describe(it) << " is not in " << json::serialize(routes);
  }
  void operator()(const AddRule& it) const {
    const char* family = it.rule.family == AF_INET6 ? "-6" : "-4";
    std::string rules = base::run_checked({"ip", "-n", it.node, family, "rule", "show"});
    // The priority comes first there, and the words as they are written here.
    netlink::Rule words = it.rule;
    words.priority = {};
    std::string shown = fmt::format("{}:\t{}", *it.rule.priority, netlink::rule_words(words));
    EXPECT_NE(rules.find(shown), std::string::npos) << shown << " is not in\n" << rules;
  }
  void operator()(const LoadRuleset& it) const {
    std::string rules = base::run_checked({"ip", "netns", "exec", it.node, it.kind + "-save"});
    EXPECT_NE(rules.find("-A INPUT -p tcp -m tcp --dport 23 -j DROP"), std::string::npos) << rules;
  }
  void operator()(const SetSysctl& it) const {
    std::string shown = base::run_checked({"ip", "netns", "exec", it.node, "sysctl", "-n", it.name});
    std::replace(shown.begin(), shown.end(), '\t', ' ');
    EXPECT_EQ(shown, it.value + "\n");
  }
  void operator()(const AddIpvsService& it) const {
    std::string table = base::run_checked({"ip", "netns", "exec", it.node, "ipvsadm", "-Ln"});
    EXPECT_NE(table.find(netlink::endpoint_text(it.service.address, it.service.port)), std::string::npos) << table;
    for (const topology::IpvsServer& server : it.service.servers) {
      EXPECT_NE(table.find(netlink::endpoint_text(server.address, server.port)), std::string::npos) << table;
    }
  }

 private:
  static json::object info(const std::string& node, const InterfaceName& name) {
    return link(node, name.name).at("linkinfo").at("info_data").as_object();
  }
  static json::object link(const std::string& node, const std::string& name) {
    return ip(node, {"link", "show", "dev", name}).at(0).as_object();
  }
  static void check_link(const std::string& node, const InterfaceName& name, const std::string& kind,
                         const MacAddress& mac, const std::optional<std::uint32_t>& mtu) {
    json::object found = link(node, name.name);
    EXPECT_EQ(text(found.at("linkinfo").as_object(), "info_kind"), kind) << name.name;
    EXPECT_EQ(text(found, "address"), mac.to_string()) << name.name;
    if (mtu) {
      EXPECT_EQ(found.at("mtu").to_number<unsigned>(), *mtu) << name.name;
    }
    if (!name.alternative.empty()) {
      EXPECT_EQ(text(link(node, name.alternative), "ifname"), name.name);
    }
  }
};

void check(const Plan& plan) {
  for (const Operation& operation : plan.operations) {
    SCOPED_TRACE(describe(operation));
    std::visit(Checker{}, operation);
  }
}

TEST_F(PlanShell, APlainLanAsTyped) {
  check(run("plain_lan"));
  // The wire is one: a packet crosses it.
  EXPECT_EQ(base::run_command({"ip", "netns", "exec", "client", "ping", "-c1", "-W5", "192.168.1.1"}).exit_code, 0);
}

TEST_F(PlanShell, BridgesTunnelsAndLongNamesAsTyped) {
  if (!kernel_has({"vxlan", "id", "9", "dstport", "4789"})) GTEST_SKIP() << "this kernel lacks vxlan";
  check(run("links"));
}

TEST_F(PlanShell, CablesTunnelsRulesAndRulesetsAsTyped) {
  for (const char* kind : {"ipip", "gre"}) {
    if (!kernel_has({kind, "local", "10.0.0.1", "remote", "10.0.0.2"})) GTEST_SKIP() << "this kernel lacks " << kind;
  }
  check(run("wires"));
  EXPECT_EQ(base::run_command({"ip", "netns", "exec", "left", "ping", "-c1", "-W5", "10.0.0.2"}).exit_code, 0);
}

TEST_F(PlanShell, VirtualServicesAsTyped) {
  if (!kernel_has({"dummy"})) GTEST_SKIP() << "this kernel lacks dummy";
  if (base::run_command({"ipvsadm", "-Ln"}).exit_code != 0) GTEST_SKIP() << "this kernel lacks ip_vs";
  check(run("ipvs_nat"));
}

// A value is one word to the shell, whatever is in it.
TEST_F(PlanShell, ValuesCannotLeaveTheirQuotes) {
  Plan plan;
  plan.operations = {CreateNode{"a", true}, SetSysctl{"a", "net.none.such", "it's $(touch /run/x) `touch /run/x`"}};
  std::string shell = to_shell(plan);
  base::run_command({"sh"}, shell);
  EXPECT_FALSE(std::filesystem::exists("/run/x")) << shell;
  EXPECT_NE(shell.find(R"('net.none.such=it'\''s $(touch /run/x) `touch /run/x`')"), std::string::npos) << shell;
}

TEST(PlanShellText, ANodeMayBeCalledSwitch) {
  Plan plan;
  plan.operations = {CreateNode{"switch", false}, CreateNode{"switch-0", false}};
  EXPECT_NE(to_shell(plan).find("ip netns add switch-0-0\n"), std::string::npos) << to_shell(plan);
}

}  // namespace
