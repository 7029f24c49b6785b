// What a node's proxy promises, with real traffic through the kernel's IPVS.
//
//   client 192.168.113.102 ── 192.168.113.1 n1 192.168.114.1 ── 192.168.114.2 n2, with pod c 10.244.2.2
//                                 br0 10.244.1.1
//                    pod a 10.244.1.2 ┘ └ pod b 10.244.1.3
//
// The guest's own namespace is the node n1; the proxy and the API server run there. Nothing controls the objects but
// the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "lib/base/error.h"
#include "tests/lab/kernel/test_lab.h"

namespace {

using test_lab::TestLab;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

const char* const set_up = R"(
ip link set lo up
sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.ipv4.ip_forward=1
link() {  # NAMESPACE ADDRESS HERE: a machine on a wire of its own
  ip netns add $1
  ip link add $1 type veth peer name eth0 netns $1
  ip -n $1 link set lo up; ip -n $1 addr add $2 dev eth0; ip -n $1 link set eth0 up
  ip link set $1 up
}
link client 192.168.113.102/24; ip addr add 192.168.113.1/24 dev client
link n2 192.168.114.2/24; ip addr add 192.168.114.1/24 dev n2
ip -n n2 addr add 10.244.2.2/32 dev lo; ip -n n2 route add default via 192.168.114.1
ip route add 10.244.2.0/24 via 192.168.114.2
ip link add br0 type bridge; ip addr add 10.244.1.1/24 dev br0; ip link set br0 up
for pod in pod-a:2 pod-b:3; do
  link ${pod%:*} 10.244.1.${pod#*:}/24; ip link set ${pod%:*} master br0; bridge link set dev ${pod%:*} hairpin on
  ip -n ${pod%:*} route add default via 10.244.1.1
done
for pod in pod-a:a pod-b:b n2:c; do
  ip netns exec ${pod%:*} $L/echo --name ${pod#*:} --http 8080 --tcp 9000 --udp 5353 >/tmp/echo-${pod%:*}.log 2>&1 </dev/null &
done
$L/apiserver --port 8080 --advertise-address 192.168.113.1 >/tmp/api.log 2>&1 </dev/null &
)";

const char* const start_proxy =
    "$L/proxy --master=http://192.168.113.1:8080 --hostname-override=n1 --proxy-mode=ipvs --cluster-cidr=10.244.0.0/16 "
    "--ipvs-scheduler=rr --ipvs-sync-period=1s -v 2 >>/tmp/proxy.log 2>&1 </dev/null & echo $! >/tmp/proxy.pid";

const char* const node = R"(---
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 192.168.113.1}]}
)";

// A Service NAME with its slice. PODS: "ac".
std::string manifest(const std::string& name, const std::string& spec, const std::string& pods) {
  std::string text = "---\napiVersion: v1\nkind: Service\nmetadata: {name: " + name + "}\nspec: " + spec + "\n";
  text += "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " + name +
          ", labels: {kubernetes.io/service-name: " + name + "}}\naddressType: IPv4\nports:\n" +
          "- {name: http, port: 8080, protocol: TCP}\n- {name: tcp, port: 9000, protocol: TCP}\n" +
          "- {name: udp, port: 5353, protocol: UDP}\nendpoints:\n";
  for (char pod : pods) {
    std::string address = pod == 'a' ? "10.244.1.2" : pod == 'b' ? "10.244.1.3" : "10.244.2.2";
    text +=
        "- {addresses: [" + address + "], nodeName: " + (pod == 'c' ? "n2" : "n1") + ", conditions: {ready: true}}\n";
  }
  return pods.empty() ? text.substr(0, text.size() - 1) + " []\n" : text;
}

class ProxyLab : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!test_lab::obstacle("uml").empty()) return;
    lab = std::make_unique<TestLab>();
    for (const char* program : {"apiserver", "kube-apply", "proxy", "echo"}) {
      std::filesystem::copy(std::filesystem::path(LIBEXEC_DIR) / program,
                            lab->folder() / "libexec" / "labctl" / program);
    }
    lab->spec.provider = "uml";
    lab->spec.needs = {
        "veth", "bridge", "dummy", "ipvs-netlink", "ipset", "iptables", "conntrack-netlink", "bridge-netfilter"};
    lab->start();
    run(set_up);
    run(start_proxy);
    apply(node);
  }
  static void TearDownTestSuite() { lab.reset(); }

  void SetUp() override {
    if (!lab) GTEST_SKIP() << test_lab::obstacle("uml");
  }
  void TearDown() override {
    if (HasFailure() && lab)
      std::cerr << run("cat /tmp/proxy.log | tail -40; ipvsadm -Ln; conntrack -L 2>&1 | tail -20");
  }

  static std::string run(const std::string& script) {
    return lab->run("exec bash -s 2>&1", "L=/run/labctl/libexec\n" + script + "\n");
  }
  static std::string in(const std::string& machine, const std::string& command) {
    return run("ip netns exec " + machine + " " + command);
  }
  static void apply(const std::string& manifests) {
    std::string said = run("$L/kube-apply --api http://192.168.113.1:8080 - <<'END'\n" + manifests + "END");
    if (said.find("kube-apply:") != std::string::npos) throw base::Error(said);
  }
  // Until the proxy has done what the manifests ask for: TEXT is what `ipvsadm -Ln` shows then.
  static void apply_until(const std::string& manifests, const std::string& text) {
    apply(manifests);
    EXPECT_TRUE(eventually([&] { return run("ipvsadm -Ln").find(text) != std::string::npos; })) << text;
  }
  static bool eventually(const std::function<bool()>& condition) {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(15);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
    }
    return true;
  }

  // "a sees 192.168.113.102"; "nobody" where there is no answer. MACHINE "n1" is the node itself.
  static std::string get(const std::string& machine, const std::string& host) {
    std::string prefix = machine == "n1" ? "" : "ip netns exec " + machine + " ";
    return told(run(prefix + "curl -s -m 2 http://" + host + "/"));
  }
  static std::string told(const std::string& answer) {
    boost::system::error_code error;
    boost::json::value value = boost::json::parse(answer, error);
    if (error || !value.is_object()) return "nobody";
    const boost::json::object& object = value.get_object();
    return std::string(object.at("server").as_string()) + " sees " + std::string(object.at("client").as_string());
  }
  static std::set<std::string> servers_of_six(const std::string& machine, const std::string& host) {
    std::set<std::string> servers;
    for (int i = 0; i < 6; ++i) servers.insert(get(machine, host).substr(0, 1));
    return servers;
  }

 private:
  static std::unique_ptr<TestLab> lab;
};
std::unique_ptr<TestLab> ProxyLab::lab;

TEST_F(ProxyLab, AClusterIpIsReachedFromTheNodeFromPodsAndByAPodFromItself) {
  apply_until(manifest("web", "{clusterIP: 10.96.1.1, ports: [{name: http, port: 80}]}", "abc"),
              "TCP  10.96.1.1:80 rr");
  EXPECT_THAT(servers_of_six("n1", "10.96.1.1"), UnorderedElementsAre("a", "b", "c"));
  EXPECT_THAT(servers_of_six("pod-a", "10.96.1.1"), UnorderedElementsAre("a", "b", "c"));
  std::set<std::string> seen;
  for (int i = 0; i < 3; ++i) seen.insert(get("pod-a", "10.96.1.1"));
  EXPECT_THAT(seen, UnorderedElementsAre("a sees 10.244.1.1", "b sees 10.244.1.2", "c sees 10.244.1.2"))
      << "to itself by way of the node, to others as it is";
}

TEST_F(ProxyLab, AClusterIpIsNotReachedFromOutsideUnlessARouteLeadsThere) {
  apply_until(manifest("inner", "{clusterIP: 10.96.1.2, ports: [{name: http, port: 80}]}", "a"),
              "TCP  10.96.1.2:80 rr");
  EXPECT_EQ(get("client", "10.96.1.2"), "nobody");
  run("ip -n client route add 10.96.0.0/16 via 192.168.113.1");
  EXPECT_EQ(get("client", "10.96.1.2"), "a sees 10.244.1.1") << "masqueraded: it is no pod";
  run("ip -n client route del 10.96.0.0/16");
}

TEST_F(ProxyLab, ANodePortIsServedOnEveryAddressOfTheNode) {
  apply_until(
      manifest("door", "{type: NodePort, clusterIP: 10.96.1.3, ports: [{name: http, port: 80, nodePort: 30080}]}",
               "ac"),
      "TCP  192.168.114.1:30080 rr");
  EXPECT_THAT(servers_of_six("client", "192.168.113.1:30080"), UnorderedElementsAre("a", "c"));
  EXPECT_THAT(servers_of_six("n2", "192.168.114.1:30080"), UnorderedElementsAre("a", "c"));
  EXPECT_THAT(servers_of_six("pod-b", "10.244.1.1:30080"), UnorderedElementsAre("a", "c"));
}

TEST_F(ProxyLab, PolicyLocalKeepsTheClientsAddress) {
  apply_until(manifest("local",
                       "{type: NodePort, clusterIP: 10.96.1.4, externalTrafficPolicy: Local,"
                       " ports: [{name: http, port: 80, nodePort: 30081}]}",
                       "ac"),
              "TCP  192.168.113.1:30081 rr");
  run("ip -n client route add 10.244.0.0/16 via 192.168.113.1");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get("client", "192.168.113.1:30081"), "a sees 192.168.113.102");
  run("ip -n client route del 10.244.0.0/16");
}

TEST_F(ProxyLab, ExternalAddressesAndSourceRanges) {
  apply(manifest("balanced",
                 "{type: LoadBalancer, clusterIP: 10.96.1.5, externalIPs: [203.0.113.5],"
                 " loadBalancerSourceRanges: [192.168.113.0/24], ports: [{name: http, port: 80}]}",
                 "a"));
  // What a cloud's controller would do.
  run("curl -s -X PATCH -H 'Content-Type: application/merge-patch+json' -d '{\"status\":{\"loadBalancer\":{\"ingress\":"
      "[{\"ip\":\"203.0.113.6\"}]}}}' http://192.168.113.1:8080/api/v1/namespaces/default/services/balanced/status");
  EXPECT_TRUE(eventually([] { return run("ipvsadm -Ln").find("TCP  203.0.113.6:80 rr") != std::string::npos; }));
  run("for m in client:113 n2:114; do ip -n ${m%:*} route replace 203.0.113.0/24 via 192.168.${m#*:}.1; done");
  EXPECT_THAT(get("client", "203.0.113.5"), HasSubstr("a sees"));
  EXPECT_THAT(get("n2", "203.0.113.5"), HasSubstr("a sees")) << "ranges are the load balancer's";
  EXPECT_THAT(get("client", "203.0.113.6"), HasSubstr("a sees"));
  EXPECT_EQ(get("n2", "203.0.113.6"), "nobody") << "not in the ranges";
  EXPECT_THAT(get("n1", "203.0.113.6"), HasSubstr("a sees")) << "the node is in them";
}

TEST_F(ProxyLab, PortsOfTheNodeAreNotReachedByServiceAddresses) {
  apply_until(manifest("closed", "{clusterIP: 10.96.1.6, ports: [{name: http, port: 80}]}", "a"),
              "TCP  10.96.1.6:80 rr");
  EXPECT_THAT(in("pod-a", "curl -s -m 2 http://192.168.113.1:8080/version"), HasSubstr("gitVersion"));
  EXPECT_EQ(in("pod-a", "curl -s -m 2 http://10.96.1.6:8080/version; echo $?"), "7\n") << "refused, not timed out";
}

TEST_F(ProxyLab, AffinitySendsAClientToOneServer) {
  apply_until(manifest("sticky",
                       "{clusterIP: 10.96.1.7, sessionAffinity: ClientIP, ports: [{name: http, port: 80}],"
                       " sessionAffinityConfig: {clientIP: {timeoutSeconds: 100}}}",
                       "abc"),
              "TCP  10.96.1.7:80 rr persistent 100");
  EXPECT_EQ(servers_of_six("pod-b", "10.96.1.7").size(), 1U);
}

// Draining: the connection that was there goes on, new ones go elsewhere, and at its end the server goes.
TEST_F(ProxyLab, AConnectionOutlivesItsEndpointAndTheAgent) {
  std::string spec = "{clusterIP: 10.96.1.8, ports: [{name: tcp, port: 90}]}";
  apply_until(manifest("long", spec, "a"), "10.244.1.2:9000");
  // Its greeting is left unread, so that the kernel resets the connection at its end: that is forgotten in 10 s.
  run("mkfifo /tmp/say; (exec 3<>/dev/tcp/10.96.1.8/90; while read line; do echo $line >&3; dd bs=1 count=${#line} <&3 "
      "2>/dev/null >>/tmp/heard || exit; done) <>/tmp/say >/dev/null 2>&1 & echo $! >/tmp/talk.pid");
  auto speaks = [](const std::string& word) {
    std::string before = run("wc -c </tmp/heard 2>/dev/null");
    run("echo " + word + " >/tmp/say");
    return eventually([&] { return run("wc -c </tmp/heard 2>/dev/null") != before; });
  };
  ASSERT_TRUE(speaks("first"));
  apply_until(manifest("long", spec, "b"), "10.244.1.3:9000");
  EXPECT_THAT(run("ipvsadm -Ln -t 10.96.1.8:90"), HasSubstr("10.244.1.2:9000              Masq    0 "));
  EXPECT_TRUE(speaks("second"));
  EXPECT_THAT(run("exec 3<>/dev/tcp/10.96.1.8/90; head -1 <&3"), HasSubstr("\"server\":\"b\""));

  run("kill $(cat /tmp/proxy.pid); while kill -0 $(cat /tmp/proxy.pid) 2>/dev/null; do :; done; : >/tmp/proxy.log");
  run(start_proxy);
  ASSERT_TRUE(eventually([] { return run("cat /tmp/proxy.log").find("are programmed") != std::string::npos; }));
  EXPECT_THAT(run("cat /tmp/proxy.log"), Not(AnyOf(HasSubstr("added"), HasSubstr("wrote rules"), HasSubstr("removed"))))
      << "it found everything right";
  EXPECT_TRUE(speaks("third"));

  run("kill $(cat /tmp/talk.pid)");
  EXPECT_TRUE(eventually([] {
    return run("ipvsadm -Ln -t 10.96.1.8:90").find("10.244.1.2:9000") == std::string::npos;
  })) << "no connection is left";
}

TEST_F(ProxyLab, UdpGoesToTheNewEndpointAtOnce) {
  std::string spec = "{clusterIP: 10.96.1.9, ports: [{name: udp, port: 53, protocol: UDP}]}";
  apply_until(manifest("dns", spec, "a"), "10.244.1.2:5353");
  // One socket, so that it is one connection to the kernel.
  run("mkfifo /tmp/ask; (exec 3<>/dev/udp/10.96.1.9/53; while read line; do echo $line >&3; "
      "timeout 2 dd bs=4096 count=1 <&3 2>/dev/null >>/tmp/answers & done) <>/tmp/ask >/dev/null 2>&1 & "
      "echo $! >/tmp/ask.pid");
  auto answered_by = [](const std::string& server) {
    run("echo who >/tmp/ask");
    return run("tail -n1 /tmp/answers").find("\"server\":\"" + server + "\"") != std::string::npos;
  };
  ASSERT_TRUE(eventually([&] { return answered_by("a"); }));
  // IPVS forgets its own connections with their destination. One that it does not know:
  run("conntrack -I -p udp -s 10.244.1.9 -d 10.96.1.9 --sport 4000 --dport 53 -r 10.244.1.2 -q 10.244.1.9 "
      "--reply-port-src 5353 --reply-port-dst 4000 -t 600");
  ASSERT_THAT(run("conntrack -L -p udp --sport 4000 2>&1"), HasSubstr("src=10.244.1.2"));
  apply_until(manifest("dns", spec, "b"), "10.244.1.3:5353");
  EXPECT_TRUE(eventually([&] { return answered_by("b"); }));
  EXPECT_THAT(run("conntrack -L -p udp --sport 4000 2>&1"), Not(HasSubstr("src=10.244.1.2")));
  run("kill $(cat /tmp/ask.pid)");
}

TEST_F(ProxyLab, WhatIsTakenAwayComesBack) {
  apply_until(
      manifest("lasting", "{type: NodePort, clusterIP: 10.96.1.10, ports: [{name: http, port: 80, nodePort: 30090}]}",
               "a"),
      "TCP  192.168.113.1:30090 rr");
  run("ip link del kube-ipvs0; ipvsadm -C; ipset flush KUBE-CLUSTER-IP; iptables-legacy -t nat -F KUBE-SERVICES; "
      "iptables-legacy -D INPUT 1; sysctl -qw net.ipv4.vs.conntrack=0");
  EXPECT_TRUE(eventually([] { return get("client", "192.168.113.1:30090") == "a sees 10.244.1.1"; }));
  EXPECT_TRUE(eventually([] { return get("n1", "10.96.1.10").substr(0, 1) == "a"; }));
}

TEST_F(ProxyLab, HealthChecksTellWhetherThereIsAnEndpointHere) {
  std::string spec =
      "{type: LoadBalancer, clusterIP: 10.96.1.11, externalTrafficPolicy: Local, healthCheckNodePort: 31011,"
      " ports: [{name: http, port: 80}]}";
  auto status = [] { return in("client", "curl -s -m 2 -o /dev/null -w %{http_code} http://192.168.113.1:31011/"); };
  apply_until(manifest("checked", spec, "ac"), "TCP  10.96.1.11:80 rr");
  EXPECT_TRUE(eventually([&] { return status() == "200"; }));
  apply(manifest("checked", spec, "c"));
  EXPECT_TRUE(eventually([&] { return status() == "503"; }));
}

// The last one: it takes everything away.
TEST_F(ProxyLab, ZCleanupLeavesNothing) {
  run("kill $(cat /tmp/proxy.pid); while kill -0 $(cat /tmp/proxy.pid) 2>/dev/null; do :; done");
  EXPECT_EQ(run("$L/proxy --cleanup >/dev/null 2>&1; echo $?"), "0\n");
  EXPECT_EQ(run("ipset list -n; iptables-legacy-save | grep KUBE; ip -br link | grep kube; ipvsadm -Sn"), "");
}

}  // namespace
