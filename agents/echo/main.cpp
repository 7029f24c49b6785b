// echo: the server under test. It says who it is and whom it sees, over HTTP, TCP and UDP.

#include <signal.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdlib>
#include <iostream>

#include "agents/echo/server.h"
#include "lib/base/error.h"

namespace {

struct Options {
  std::string name;
  std::vector<uint16_t> http, tcp, udp;
  double grace_seconds = 0.8;
};

void serve(echo::Server& server, const Options& options, const std::string& name) {
  auto report = [&](const char* protocol, uint16_t port) {
    std::cerr << "echo: " << name << " serves " << protocol << " on port " << port << std::endl;
  };
  for (uint16_t port : options.http) report("http", server.serve_http(port));
  for (uint16_t port : options.tcp) report("tcp", server.serve_tcp(port));
  for (uint16_t port : options.udp) report("udp", server.serve_udp(port));
}

void run(const Options& options) {
  if (options.http.empty() && options.tcp.empty() && options.udp.empty()) {
    throw base::Error("there is nothing to serve").with_mend("give --http, --tcp or --udp with a port");
  }
  boost::asio::io_context loop(1);
  echo::Identity identity = echo::identify(options.name, [](const char* name) { return ::getenv(name); });
  echo::Server server(loop, identity);
  serve(server, options, identity.server);

  boost::asio::steady_timer grace(loop);
  boost::asio::signal_set signals(loop, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code&, int) {
    signals.clear();  // a second one ends at once
    server.drain([&] { loop.stop(); });
    grace.expires_after(std::chrono::milliseconds(static_cast<int64_t>(options.grace_seconds * 1000)));
    grace.async_wait([&](const boost::system::error_code&) { loop.stop(); });
  });
  loop.run();
}

}  // namespace

int main(int argument_count, char** arguments) {
  Options options;
  CLI::App app("Says who it is and whom it sees: one JSON object on one line");
  auto ports = [&](const char* option, std::vector<uint16_t>& list, const char* description) {
    app.add_option(option, list, description)->allow_extra_args(false);
  };
  ports("--http", options.http,
        "Port to answer HTTP requests on; 0 lets the kernel choose. May be given several times");
  ports("--tcp", options.tcp, "Port to greet TCP clients on and send back what they say. May be given several times");
  ports("--udp", options.udp, "Port to answer datagrams on. May be given several times");
  app.add_option("--name", options.name, "The server's name; default: $POD_NAME, else the host's name");
  app.add_option("--grace", options.grace_seconds, "Seconds that what is under way has to end after SIGTERM")
      ->capture_default_str();
  app.footer(
      "HTTP paths: /healthz, /status/CODE, /delay/MILLISECONDS and /bytes/COUNT do what they say; any other is "
      "answered\n"
      "with the server's and the client's names and addresses. TCP: the same as the first line. UDP: with the data.\n"
      "$NODE_NAME, else $LABCTL_NODE, names the node; $POD_NAMESPACE and $POD_IP are shown where they are set.");
  CLI11_PARSE(app, argument_count, arguments);
  ::signal(SIGPIPE, SIG_IGN);
  try {
    run(options);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "echo: " << error.what() << std::endl;
    return 1;
  }
}
