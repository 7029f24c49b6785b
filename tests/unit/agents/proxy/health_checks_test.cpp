#include "agents/proxy/health_checks.h"

#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <sstream>

#include "tests/unit/agents/proxy/objects.h"

namespace proxy {
namespace {

using testing::HasSubstr;

std::string balanced(const std::string& endpoints) {
  return service("web",
                 "{type: LoadBalancer, clusterIP: 10.96.0.5, externalTrafficPolicy: Local, healthCheckNodePort: 31000,"
                 " ports: [{name: http, port: 80}, {name: https, port: 443}]}") +
         slice("web", "[{name: http, port: 8080, protocol: TCP}, {name: https, port: 8443, protocol: TCP}]", endpoints);
}

TEST(HealthChecks, CountTheReadyEndpointsOfThisNode) {
  auto checks = health_checks(Objects(balanced("[{addresses: [10.244.1.2], nodeName: n1},"
                                               " {addresses: [10.244.1.3], nodeName: n1, conditions: {ready: false}},"
                                               " {addresses: [10.244.2.2], nodeName: n2}]"))
                                  .ports());
  ASSERT_EQ(checks.size(), 1U);
  EXPECT_EQ(checks[31000].service, "default/web");
  EXPECT_EQ(checks[31000].local_endpoints, 1U);
}

TEST(HealthChecks, AreThereForServicesThatAskForThemAlone) {
  EXPECT_TRUE(health_checks(Objects(service("web", "{clusterIP: 10.96.0.5, ports: [{port: 80}]}")).ports()).empty());
}

TEST(HealthChecks, AnswerAsKubeProxyDoes) {
  HealthCheck check{"default/web", 2};
  EXPECT_EQ(check.response().status, 200);
  EXPECT_EQ(check.response().body,
            R"({"service":{"namespace":"default","name":"web"},"localEndpoints":2,"serviceProxyHealthy":true})");
  EXPECT_EQ(check.response().header("X-Load-Balancing-Endpoint-Weight"), "2");
  EXPECT_EQ((HealthCheck{"default/web", 0}.response().status), 503);
}

// A port that the kernel gives, and that is free again.
std::uint16_t free_port() {
  boost::asio::io_context loop;
  return base::http::Server(loop, [](auto) {}).listen(base::http::Endpoint::tcp("127.0.0.1", 0));
}

TEST(HealthCheckServers, FollowWhatIsWanted) {
  boost::asio::io_context loop;
  std::ostringstream log;
  HealthCheckServers servers(loop, log);
  std::uint16_t port = free_port();
  base::http::Client client(loop, base::http::Endpoint::tcp("127.0.0.1", port));
  auto ask = [&] {
    std::optional<base::http::Outcome> outcome;
    base::http::Request request;
    request.target = "/healthz";
    auto call = client.request(request, [&](base::http::Outcome result) { outcome = std::move(result); });
    loop.restart();
    while (!outcome) loop.run_one();
    return outcome->ok() ? outcome->response->status : 0;
  };
  servers.update({{port, {"default/web", 1}}});
  EXPECT_EQ(ask(), 200);
  servers.update({{port, {"default/web", 0}}});
  EXPECT_EQ(ask(), 503);
  servers.update({});
  EXPECT_EQ(ask(), 0) << "nobody should listen";
}

TEST(HealthCheckServers, APortThatIsTakenIsToldAndHindersNothing) {
  boost::asio::io_context loop;
  base::http::Server other(loop, [](auto) {});
  std::uint16_t port = other.listen(base::http::Endpoint::tcp("0.0.0.0", 0));
  std::ostringstream log;
  HealthCheckServers servers(loop, log);
  servers.update({{port, {"default/web", 1}}});
  EXPECT_THAT(log.str(), HasSubstr("health check"));
}

}  // namespace
}  // namespace proxy
