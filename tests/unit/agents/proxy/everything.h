// Services of every kind, for both families: what a kernel must take and give back as it was written.
#pragma once

#include <string>

#include "tests/unit/agents/proxy/objects.h"

namespace proxy {

inline std::string everything() {
  auto of_kind = [](const std::string& name, const std::string& protocol, int n, const std::string& policy) {
    std::string number = std::to_string(n);
    return service(name,
                   "{type: LoadBalancer, clusterIP: 10.96.0." + number + ", clusterIPs: [10.96.0." + number +
                       ", 'fd00:96::" + number + "'], externalIPs: [203.0.113." + number + ", 'fd00:203::" + number +
                       "'], externalTrafficPolicy: " + policy + ", healthCheckNodePort: 3100" + number +
                       ", loadBalancerSourceRanges: [192.168.0.0/16, 10.1.2.3/32, 'fd00:113::/64', 'fd00:114::7/128'], "
                       "ports: [{name: p, "
                       "port: 80, protocol: " +
                       protocol + ", nodePort: 3000" + number + "}]}",
                   "{loadBalancer: {ingress: [{ip: 198.51.100." + number + "}, {ip: 'fd00:198::" + number + "'}]}}") +
           slice(name, "[{name: p, port: 8080, protocol: " + protocol + "}]",
                 "[{addresses: [10.244.1." + number + "], nodeName: n1}]", name + "-4") +
           slice(name, "[{name: p, port: 8080, protocol: " + protocol + "}]",
                 "[{addresses: ['fd00:244::" + number + "'], nodeName: n1}]", name + "-6", "IPv6");
  };
  return of_kind("a", "TCP", 1, "Cluster") + of_kind("b", "TCP", 2, "Local") + of_kind("c", "UDP", 3, "Cluster") +
         of_kind("d", "UDP", 4, "Local") + of_kind("e", "SCTP", 5, "Cluster") + of_kind("f", "SCTP", 6, "Local");
}

}  // namespace proxy
