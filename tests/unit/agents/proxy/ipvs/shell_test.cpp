#include "agents/proxy/ipvs/desired.h"
#include "tests/unit/agents/proxy/objects.h"

namespace proxy::ipvs {
namespace {

using testing::HasSubstr;

TEST(Shell, SaysTheStateInCommandsWithTheirOwners) {
  Objects objects(
      service(
          "web",
          "{clusterIP: 10.96.0.5, sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}},"
          " ports: [{name: http, port: 80}]}") +
      slice("web", "[{name: http, port: 8080, protocol: TCP}]", "[{addresses: [10.244.1.2], nodeName: n1}]"));
  Settings settings;
  settings.scheduler = "mh";
  std::string text = to_shell(desired_state(objects.ports(), {"", std::nullopt, {}}, settings));
  auto line = [](std::string command, const std::string& owner) {
    command.resize(78, ' ');
    return command + "  # " + owner + "\n";
  };
  EXPECT_THAT(text, HasSubstr("sysctl -w net.ipv4.vs.conntrack=1\n"));
  EXPECT_THAT(text, HasSubstr("ipset create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536\n"));
  EXPECT_THAT(text, HasSubstr("ipset create KUBE-NODE-PORT-TCP bitmap:port range 0-65535\n"));
  EXPECT_THAT(text, HasSubstr(line("ipset add KUBE-CLUSTER-IP 10.96.0.5,tcp:80", "default/web:http")));
  EXPECT_THAT(text, HasSubstr(line("ipvsadm -A -t 10.96.0.5:80 -s mh -b mh-port -p 60", "default/web:http")));
  EXPECT_THAT(text, HasSubstr("ipvsadm -a -t 10.96.0.5:80 -r 10.244.1.2:8080 -m -w 1\n"));
  EXPECT_THAT(text, HasSubstr("iptables -t nat -A KUBE-SERVICES -s 127.0.0.0/8 -j RETURN\n"));
  EXPECT_THAT(text, HasSubstr("iptables -t nat -I PREROUTING -m comment --comment \"kubernetes service portals\" -j "
                              "KUBE-SERVICES\n"));
  EXPECT_THAT(text, HasSubstr(line("ip address add 10.96.0.5/32 dev kube-ipvs0", "default/web:http")));
}

}  // namespace
}  // namespace proxy::ipvs
