#include "agents/nodelet/probe_attempt.h"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "lib/base/error.h"

namespace nodelet {
namespace {

namespace asio = boost::asio;
namespace http = base::http;
using boost::system::error_code;
using std::chrono::seconds;

seconds timeout_of(const kube::Probe& probe) {
  return seconds(std::max<std::int64_t>(probe.timeout_seconds, 1));
}

std::uint16_t port_of(const kube::Probe& probe, const kube::Container& container) {
  if (probe.port.name.empty()) return static_cast<std::uint16_t>(probe.port.number);
  for (const kube::ContainerPort& port : container.ports) {
    if (port.name == probe.port.name) return port.port;
  }
  throw base::Error("container " + container.name + " has no port named " + probe.port.name);
}

// What all attempts share: one result, or none after the handle is gone.
class Attempt : public std::enable_shared_from_this<Attempt> {
 public:
  Attempt(asio::io_context& loop, std::function<void(ProbeResult)> done) : timer_(loop), done_(std::move(done)) {}
  virtual ~Attempt() = default;

  void start(seconds timeout) {
    timer_.expires_after(timeout);
    timer_.async_wait([weak = weak_from_this(), timeout](const error_code& cancelled) {
      auto self = weak.lock();
      if (!cancelled && self) self->finish({false, "no answer within " + std::to_string(timeout.count()) + " s"});
    });
    begin();
  }

 protected:
  virtual void begin() = 0;
  // Ends whatever is under way.
  virtual void abort() = 0;

  void finish(ProbeResult result) {
    if (!done_) return;
    timer_.cancel();
    abort();
    std::exchange(done_, nullptr)(std::move(result));
  }

 private:
  asio::steady_timer timer_;
  std::function<void(ProbeResult)> done_;
};

class HttpAttempt : public Attempt {
 public:
  HttpAttempt(asio::io_context& loop, std::function<void(ProbeResult)> done, const kube::Probe& probe,
              const std::string& address, std::uint16_t port)
      : Attempt(loop, std::move(done)), client_(loop, http::Endpoint::tcp(address, port)) {
    request_.target = probe.path.starts_with('/') ? probe.path : "/" + probe.path;
    request_.headers.emplace("User-Agent", "kube-probe/labctl");
    request_.headers.emplace("Connection", "close");
    for (const auto& [name, value] : probe.headers) {
      request_.headers.erase(name);
      request_.headers.emplace(name, value);
    }
  }
  ~HttpAttempt() override { HttpAttempt::abort(); }

 private:
  void begin() override {
    std::weak_ptr<Attempt> weak = weak_from_this();
    call_ = client_.request(request_, [this, weak](http::Outcome outcome) {
      if (auto self = weak.lock()) take(outcome);
    });
  }
  void abort() override {
    if (call_) call_->cancel();
  }
  void take(const http::Outcome& outcome) {
    if (!outcome.ok()) return finish({false, outcome.error->what()});
    int status = outcome.value().status;
    bool success = status >= 200 && status < 400;
    finish({success, success ? "" : "HTTP probe failed with statuscode: " + std::to_string(status)});
  }

  http::Client client_;
  http::Request request_;
  std::shared_ptr<http::Call> call_;
};

class TcpAttempt : public Attempt {
 public:
  TcpAttempt(asio::io_context& loop, std::function<void(ProbeResult)> done, const std::string& address,
             std::uint16_t port)
      : Attempt(loop, std::move(done)), socket_(loop), address_(address), port_(port) {}

 private:
  void begin() override {
    std::weak_ptr<Attempt> weak = weak_from_this();
    error_code malformed;
    asio::ip::address address = asio::ip::make_address(address_, malformed);
    if (malformed) throw base::Error("\"" + address_ + "\" is not an address");
    socket_.async_connect({address, port_}, [this, weak](const error_code& failure) {
      auto self = weak.lock();
      if (!self) return;
      std::string words = "connect to " + address_ + ":" + std::to_string(port_) + ": " + failure.message();
      finish({!failure, failure ? words : ""});
    });
  }
  void abort() override {
    error_code ignored;
    socket_.close(ignored);
  }

  asio::ip::tcp::socket socket_;
  std::string address_;
  std::uint16_t port_;
};

class ExecAttempt : public Attempt {
 public:
  ExecAttempt(asio::io_context& loop, std::function<void(ProbeResult)> done, NodeApi& node_api,
              const kube::Probe& probe, const std::string& pod)
      : Attempt(loop, std::move(done)), node_api_(node_api), probe_(probe), pod_(pod) {}
  ~ExecAttempt() override { ExecAttempt::abort(); }

 private:
  void begin() override {
    std::weak_ptr<Attempt> weak = weak_from_this();
    call_ = node_api_.execute(pod_, probe_.command, timeout_of(probe_), [this, weak](Answer<CommandResult> answer) {
      if (auto self = weak.lock()) take(answer);
    });
  }
  void abort() override {
    if (call_) call_->cancel();
  }
  void take(const Answer<CommandResult>& answer) {
    if (!answer.ok()) return finish({false, answer.error});
    const CommandResult& result = *answer.value;
    if (result.exit_code == 0) return finish({true, {}});
    std::string words = result.exit_code < 0 ? result.error : "exit code " + std::to_string(result.exit_code);
    finish({false, words + (result.output.empty() ? "" : ": " + result.output)});
  }

  NodeApi& node_api_;
  kube::Probe probe_;
  std::string pod_;
  std::shared_ptr<http::Call> call_;
};

std::shared_ptr<Attempt> make_attempt(asio::io_context& loop, NodeApi& node_api, const kube::Probe& probe,
                                      const kube::Container& container, const ProbeTarget& target,
                                      std::function<void(ProbeResult)> done) {
  const std::string& address = probe.host.empty() ? target.address : probe.host;
  switch (probe.kind) {
    case kube::Probe::Kind::exec:
      if (probe.command.empty()) throw base::Error("it is not served here: use httpGet, tcpSocket or exec");
      return std::make_shared<ExecAttempt>(loop, std::move(done), node_api, probe, target.pod);
    case kube::Probe::Kind::tcp:
      return std::make_shared<TcpAttempt>(loop, std::move(done), address, port_of(probe, container));
    case kube::Probe::Kind::http:
      break;
  }
  if (probe.scheme != "HTTP") throw base::Error("probes by " + probe.scheme + " are not served here: use HTTP");
  return std::make_shared<HttpAttempt>(loop, std::move(done), probe, address, port_of(probe, container));
}

}  // namespace

std::shared_ptr<void> attempt_probe(asio::io_context& loop, NodeApi& node_api, const kube::Probe& probe,
                                    const kube::Container& container, const ProbeTarget& target,
                                    std::function<void(ProbeResult)> done) {
  try {
    std::shared_ptr<Attempt> attempt = make_attempt(loop, node_api, probe, container, target, done);
    // The command's own timeout is the node API's business; ours is for a node API that does not answer.
    seconds margin(probe.kind == kube::Probe::Kind::exec ? 5 : 0);
    attempt->start(timeout_of(probe) + margin);
    return attempt;
  } catch (const base::Error& error) {
    // As everything else, a refusal comes from the event loop.
    auto words = std::make_shared<std::string>(error.what());
    std::weak_ptr<std::string> weak = words;
    asio::post(loop, [weak, done = std::move(done)] {
      if (auto still_wanted = weak.lock()) done({false, *still_wanted});
    });
    return words;
  }
}

}  // namespace nodelet
