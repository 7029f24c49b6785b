#include "lib/base/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdlib>

namespace base::http {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

// A server and a client on one event loop; a test that does not stop the loop fails after ten seconds.
class HttpTest : public ::testing::Test {
 protected:
  Endpoint serve(Handler handler, ServerOptions options = {}) {
    server_ = std::make_unique<Server>(loop_, std::move(handler), options);
    return Endpoint::tcp("127.0.0.1", server_->listen(Endpoint::tcp("127.0.0.1", 0)));
  }

  void run() {
    loop_.restart();
    loop_.run_for(10s);
    ASSERT_TRUE(loop_.stopped()) << "nothing stopped the loop";
  }

  Outcome exchange(Client& client, Request request) {
    Outcome outcome;
    bool done = false;
    client.request(std::move(request), [&](Outcome result) {
      outcome = std::move(result);
      done = true;
      loop_.stop();
    });
    run();
    EXPECT_TRUE(done);
    return outcome;
  }

  boost::asio::io_context loop_{1};
  std::unique_ptr<Server> server_;
};

Request request_for(const std::string& target, const std::string& method = "GET", const std::string& body = {}) {
  Request request;
  request.method = method;
  request.target = target;
  request.body = body;
  return request;
}

TEST(Encoding, IsUndoneByDecoding) {
  std::string text = "a/b c+d%e?&=ü";
  EXPECT_EQ(encode("a/b c"), "a%2Fb%20c");
  EXPECT_EQ(decode(encode(text)), text);
  EXPECT_EQ(decode("100%"), "100%");
}

TEST(EndpointParse, KnowsTcpIpv6AndUnix) {
  EXPECT_EQ(Endpoint::parse("http://192.168.113.10:8080").text(), "http://192.168.113.10:8080");
  EXPECT_EQ(Endpoint::parse("http://cp").port, 80);
  EXPECT_EQ(Endpoint::parse("http://[fd00::1]:8080/").address, "fd00::1");
  EXPECT_EQ(Endpoint::parse("http://[fd00::1]:8080/").text(), "http://[fd00::1]:8080");
  EXPECT_EQ(Endpoint::parse("10.0.0.1:81").port, 81);
  EXPECT_EQ(Endpoint::parse("unix:/run/x.sock").path, "/run/x.sock");
  EXPECT_EQ(Endpoint::parse("/run/x.sock").text(), "unix:/run/x.sock");
}

TEST(EndpointParse, RefusesWhatItIsNot) {
  for (const char* text : {"", "https://a:1", "10.0.0.1", "10.0.0.1:0", "10.0.0.1:99999", ":80", "http://[::1"}) {
    EXPECT_THROW(Endpoint::parse(text), Error) << text;
  }
}

TEST_F(HttpTest, HandlersSeeTheWholeRequest) {
  Request seen;
  std::vector<std::string> segments;
  Endpoint endpoint = serve([&](std::shared_ptr<Exchange> exchange) {
    seen = exchange->request();
    segments = seen.segments();
    exchange->respond({201, "answer", "text/plain", {{"X-Extra", "1"}}});
  });
  Client client(loop_, endpoint);
  Request request = request_for("/v1/nodes/a%2Fb?follow=1&x=a%20b+c&x=second", "POST", "the body");
  request.headers.emplace("X-Test", "yes");
  Outcome outcome = exchange(client, request);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.value().status, 201);
  EXPECT_EQ(outcome.value().body, "answer");
  EXPECT_EQ(outcome.value().content_type, "text/plain");
  EXPECT_EQ(outcome.value().header("x-extra"), "1");
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.path, "/v1/nodes/a/b");
  EXPECT_THAT(segments, ElementsAre("v1", "nodes", "a/b"));
  EXPECT_EQ(seen.parameter("follow"), "1");
  EXPECT_EQ(seen.parameter("x"), "a b c");
  EXPECT_EQ(seen.query.count("x"), 2u);
  EXPECT_EQ(seen.header("x-test"), "yes");
  EXPECT_EQ(seen.body, "the body");
  EXPECT_THAT(seen.peer, HasSubstr("127.0.0.1:"));
  EXPECT_EQ("http://" + seen.local, endpoint.text());
}

TEST_F(HttpTest, ConnectionsAreKeptAlive) {
  std::vector<std::string> peers;
  Endpoint endpoint = serve([&](std::shared_ptr<Exchange> exchange) {
    peers.push_back(exchange->request().peer);
    exchange->respond({});
  });
  Client client(loop_, endpoint);
  exchange(client, request_for("/1"));
  exchange(client, request_for("/2"));
  ASSERT_EQ(peers.size(), 2u);
  EXPECT_EQ(peers[0], peers[1]);
}

TEST_F(HttpTest, ARequestOnAConnectionThatTheServerHasClosedIsSentAgain) {
  int served = 0;
  Handler handler = [&](std::shared_ptr<Exchange> exchange) {
    ++served;
    exchange->respond({});
  };
  Endpoint endpoint = serve(handler);
  Client client(loop_, endpoint);
  ASSERT_TRUE(exchange(client, request_for("/")).ok());
  server_ = std::make_unique<Server>(loop_, handler);
  server_->listen(endpoint);
  Outcome outcome = exchange(client, request_for("/", "POST", "x"));
  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(served, 2);
}

TEST_F(HttpTest, ADrainedServerFinishesWhatIsUnderWayAndAcceptsNothingNew) {
  std::shared_ptr<Exchange> pending;
  Endpoint endpoint = serve([&](std::shared_ptr<Exchange> exchange) {
    if (exchange->request().path == "/slow") {
      pending = exchange;
      return loop_.stop();
    }
    exchange->respond({});
  });
  Client idle(loop_, endpoint);
  exchange(idle, request_for("/"));  // its connection is kept alive
  Client client(loop_, endpoint);
  Outcome outcome;
  client.request(request_for("/slow"), [&](Outcome result) { outcome = std::move(result); });
  run();
  bool answered_first = false;
  server_->drain([&] {
    answered_first = outcome.ok();
    loop_.stop();
  });
  Client late(loop_, endpoint);
  EXPECT_FALSE(exchange(late, request_for("/")).ok());
  pending->respond({200, "late", "text/plain", {}});
  pending.reset();
  run();
  EXPECT_TRUE(answered_first);
  EXPECT_EQ(outcome.value().body, "late");
}

TEST_F(HttpTest, AnExceptionOfTheHandlerIsAnsweredWithItsWords) {
  Endpoint endpoint = serve([](std::shared_ptr<Exchange>) { throw Error("out of cheese"); });
  Client client(loop_, endpoint);
  Outcome outcome = exchange(client, request_for("/"));
  EXPECT_EQ(outcome.value().status, 500);
  EXPECT_THAT(outcome.value().body, HasSubstr("out of cheese"));
}

TEST_F(HttpTest, ADroppedExchangeIsAnsweredWith500) {
  Endpoint endpoint = serve([](std::shared_ptr<Exchange>) {});
  Client client(loop_, endpoint);
  EXPECT_EQ(exchange(client, request_for("/")).value().status, 500);
}

TEST_F(HttpTest, ABodyBeyondTheLimitIsRefused) {
  Endpoint endpoint = serve([](std::shared_ptr<Exchange> exchange) { exchange->respond({}); }, {.body_limit = 1000});
  Client client(loop_, endpoint);
  Outcome outcome = exchange(client, request_for("/", "POST", std::string(1001, 'x')));
  ASSERT_TRUE(outcome.ok()) << outcome.error->what();
  EXPECT_EQ(outcome.value().status, 413);
  EXPECT_EQ(exchange(client, request_for("/", "POST", std::string(1000, 'x'))).value().status, 200);
}

TEST_F(HttpTest, LargeBodiesArriveWhole) {
  std::string body(20 * 1024 * 1024, 'x');
  Endpoint endpoint = serve([&](std::shared_ptr<Exchange> exchange) {
    Response response;
    response.body = std::move(exchange->request().body);
    exchange->respond(std::move(response));
  });
  Client client(loop_, endpoint);
  EXPECT_EQ(exchange(client, request_for("/", "POST", body)).value().body, body);
}

TEST_F(HttpTest, ARefusedConnectionNamesTheServer) {
  Client client(loop_, Endpoint::tcp("127.0.0.1", 1));
  Outcome outcome = exchange(client, request_for("/x"));
  ASSERT_FALSE(outcome.ok());
  EXPECT_STREQ(outcome.error->what(), "GET /x: connect to http://127.0.0.1:1: Connection refused");
  EXPECT_EQ(outcome.error->error_number(), ECONNREFUSED);
}

TEST_F(HttpTest, ASilentServerTimesOut) {
  std::shared_ptr<Exchange> kept;
  Endpoint endpoint = serve([&](std::shared_ptr<Exchange> exchange) { kept = exchange; });
  ClientOptions options;
  options.request_timeout = 50ms;
  Client client(loop_, endpoint, options);
  Outcome outcome = exchange(client, request_for("/"));
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error->error_number(), ETIMEDOUT);
}

TEST_F(HttpTest, NothingIsCalledAfterCancel) {
  std::shared_ptr<Exchange> kept;
  Endpoint endpoint = serve([&](std::shared_ptr<Exchange> exchange) {
    kept = exchange;
    loop_.stop();
  });
  Client client(loop_, endpoint);
  bool called = false;
  auto call = client.request(request_for("/"), [&](Outcome) { called = true; });
  run();
  call->cancel();
  kept->respond({});
  loop_.restart();
  loop_.run_for(100ms);
  EXPECT_FALSE(called);
}

TEST_F(HttpTest, UnixSocketsAndInheritedDescriptorsServe) {
  std::string path = "/tmp/labctl-http-test-" + std::to_string(::getpid());
  Server server(loop_, [](std::shared_ptr<Exchange> exchange) {
    exchange->respond({200, exchange->request().peer, "text/plain", {}});
  });
  server.listen(Endpoint::unix_socket(path));
  Client client(loop_, Endpoint::unix_socket(path));
  EXPECT_EQ(exchange(client, request_for("/")).value().body, "unix");
  ::unlink(path.c_str());

  int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener, 5), 0);
  server.listen_on_descriptor(listener);
  Client second(loop_, Endpoint::unix_socket(path));
  EXPECT_EQ(exchange(second, request_for("/")).value().body, "unix");
  ::unlink(path.c_str());
}

TEST_F(HttpTest, AStreamDeliversItsLinesAsTheyAreWritten) {
  std::shared_ptr<ResponseStream> stream;
  Endpoint endpoint = serve([&](std::shared_ptr<Exchange> exchange) {
    stream = exchange->stream({});
    stream->write("one\ntw");
  });
  Client client(loop_, endpoint);
  std::vector<std::string> lines;
  bool ended = false;
  Client::StreamCallbacks callbacks;
  callbacks.on_line = [&](std::string_view line) {
    lines.emplace_back(line);
    // Only a line that has arrived lets the server go on.
    if (lines.size() == 1) stream->write("o\n\nlast"), stream->finish();
  };
  callbacks.on_end = [&](std::optional<Error> error) {
    EXPECT_FALSE(error) << error->what();
    ended = true;
    loop_.stop();
  };
  client.stream(request_for("/"), std::move(callbacks));
  run();
  EXPECT_TRUE(ended);
  EXPECT_THAT(lines, ElementsAre("one", "two", "", "last"));
}

TEST_F(HttpTest, AStreamThatIsCutEndsWithAnError) {
  Endpoint endpoint = serve([&](std::shared_ptr<Exchange> exchange) {
    auto stream = exchange->stream({});
    stream->on_drained([stream] { stream->abort(); });
    stream->write("one\n");
  });
  Client client(loop_, endpoint);
  std::optional<Error> failure;
  Client::StreamCallbacks callbacks;
  callbacks.on_end = [&](std::optional<Error> error) {
    failure = error;
    loop_.stop();
  };
  client.stream(request_for("/"), std::move(callbacks));
  run();
  EXPECT_TRUE(failure);
}

TEST_F(HttpTest, ARefusedStreamGivesStatusAndBodyInsteadOfLines) {
  Endpoint endpoint = serve([&](std::shared_ptr<Exchange> exchange) {
    exchange->respond({410, "gone\n", "text/plain", {}});
  });
  Client client(loop_, endpoint);
  Response head;
  Client::StreamCallbacks callbacks;
  callbacks.on_head = [&](const Response& response) { head = response; };
  callbacks.on_line = [&](std::string_view) { ADD_FAILURE() << "a line"; };
  callbacks.on_end = [&](std::optional<Error>) { loop_.stop(); };
  client.stream(request_for("/"), std::move(callbacks));
  run();
  EXPECT_EQ(head.status, 410);
  EXPECT_EQ(head.body, "gone\n");
}

TEST_F(HttpTest, TheServerNoticesThatAStreamsReaderIsGone) {
  bool closed = false;
  Endpoint endpoint = serve([&](std::shared_ptr<Exchange> exchange) {
    auto stream = exchange->stream({});
    stream->on_closed([&] {
      closed = true;
      loop_.stop();
    });
    stream->write("one\n");
  });
  Client client(loop_, endpoint);
  std::shared_ptr<Call> call;
  Client::StreamCallbacks callbacks;
  callbacks.on_line = [&](std::string_view) { call->cancel(); };
  call = client.stream(request_for("/"), std::move(callbacks));
  run();
  EXPECT_TRUE(closed);
}

TEST_F(HttpTest, TheBacklogOfAStreamThatNobodyReadsGrows) {
  std::shared_ptr<ResponseStream> stream;
  Endpoint endpoint = serve([&](std::shared_ptr<Exchange> exchange) {
    stream = exchange->stream({});
    for (int piece = 0; piece < 64; ++piece) stream->write(std::string(1024 * 1024, 'x'));
    loop_.stop();
  });
  // A raw connection that sends a request and never reads.
  int raw = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Endpoint target = endpoint;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(target.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(raw, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  std::string head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_EQ(::write(raw, head.data(), head.size()), static_cast<ssize_t>(head.size()));
  run();
  loop_.restart();
  loop_.run_for(100ms);
  EXPECT_GT(stream->backlog(), 16u * 1024 * 1024);
  bool closed = false;
  stream->on_closed([&] { closed = true; });
  stream->abort();
  loop_.restart();
  loop_.run_for(100ms);
  EXPECT_TRUE(closed);
  ::close(raw);
}

class WebSocketTest : public HttpTest {
 protected:
  // Connects; the server's side is in server_side_ when it returns.
  std::shared_ptr<WebSocket> connect(const std::string& unix_socket = {}) {
    Endpoint endpoint = serve([&](std::shared_ptr<Exchange> exchange) {
      exchange->upgrade_websocket([&](std::shared_ptr<WebSocket> socket) {
        server_side_ = socket;
        if (client_side_) loop_.stop();
      });
    });
    if (!unix_socket.empty()) server_->listen(endpoint = Endpoint::unix_socket(unix_socket));
    client_ = std::make_unique<Client>(loop_, endpoint);
    client_->connect_websocket("/ws", [&](std::shared_ptr<WebSocket> socket, std::optional<Error> error) {
      EXPECT_FALSE(error) << error->what();
      client_side_ = socket;
      if (server_side_) loop_.stop();
    });
    run();
    return client_side_;
  }

  std::unique_ptr<Client> client_;
  std::shared_ptr<WebSocket> server_side_, client_side_;
};

TEST_F(WebSocketTest, MessagesKeepTheirKindAndOrderInBothDirections) {
  auto client = connect();
  server_side_->on_message([&](std::string data, bool binary) {
    binary ? server_side_->send_binary(data + "!") : server_side_->send_text(data + "!");
  });
  server_side_->resume();
  std::vector<std::string> received;
  client->on_message([&](std::string data, bool binary) {
    received.push_back((binary ? "b:" : "t:") + data);
    if (received.size() == 3) loop_.stop();
  });
  client->resume();
  client->send_text("one");
  client->send_binary(std::string("t\0wo", 4));
  client->send_text("");
  run();
  EXPECT_THAT(received, ElementsAre("t:one!", "b:" + std::string("t\0wo!", 5), "t:!"));
}

TEST_F(WebSocketTest, APausedReaderStopsTheWriter) {
  auto client = connect();
  size_t delivered = 0;
  server_side_->on_message([&](std::string data, bool) { delivered += data.size(); });
  // The server's side stays paused; the client writes while it may.
  size_t sent = 0;
  auto pump = [&] {
    while (client->writable() && sent < 200u * 1024 * 1024) {
      client->send_binary(std::string(64 * 1024, 'x'));
      sent += 64 * 1024;
    }
  };
  client->on_writable(pump);
  pump();
  loop_.restart();
  loop_.run_for(200ms);
  EXPECT_EQ(delivered, 0u);
  EXPECT_LT(sent, 50u * 1024 * 1024) << "the queue is not bounded";
  EXPECT_GT(client->backlog(), WebSocket::low_water) << "the writer was told to go on";

  server_side_->on_message([&](std::string data, bool) {
    delivered += data.size();
    if (delivered == 200u * 1024 * 1024) loop_.stop();
  });
  server_side_->resume();
  run();
  EXPECT_EQ(delivered, 200u * 1024 * 1024);
}

TEST_F(WebSocketTest, CloseDeliversWhatWasQueuedFirstAndItsReason) {
  auto client = connect();
  std::vector<std::string> events;
  client->on_message([&](std::string data, bool) { events.push_back(data); });
  client->on_closed([&](const std::string& reason) {
    events.push_back("closed:" + reason);
    loop_.stop();
  });
  client->resume();
  server_side_->send_text("one");
  server_side_->send_text("two");
  server_side_->close("bye");
  run();
  EXPECT_THAT(events, ElementsAre("one", "two", "closed:bye"));
}

// A unix socket's peer that closes is heard of at once, unlike one of TCP.
TEST_F(WebSocketTest, AClientThatPausedReadsWhatWasSentBeforeTheServerWent) {
  std::string path = ::testing::TempDir() + "paused." + std::to_string(::getpid()) + ".sock";
  auto client = connect(path);
  ::unlink(path.c_str());
  std::vector<std::string> events;
  client->on_message([&](std::string data, bool) { events.push_back(data); });
  client->on_closed([&](const std::string&) {
    events.push_back("closed");
    loop_.stop();
  });
  server_side_->send_text("one");
  loop_.restart();
  loop_.run_for(20ms);
  ASSERT_EQ(server_side_->backlog(), 0u);
  server_.reset();
  loop_.restart();
  loop_.run_for(20ms);
  client->resume();
  run();
  EXPECT_THAT(events, ElementsAre("one", "closed"));
}

TEST_F(WebSocketTest, AServerThatStopsCutsItsConnections) {
  auto client = connect();
  bool closed = false;
  client->on_closed([&](const std::string& reason) {
    EXPECT_FALSE(reason.empty());
    closed = true;
    loop_.stop();
  });
  client->resume();
  server_.reset();
  run();
  EXPECT_TRUE(closed);
}

TEST_F(HttpTest, ARefusedUpgradeSaysWhy) {
  Endpoint endpoint = serve([&](std::shared_ptr<Exchange> exchange) {
    exchange->respond({404, "no such node", "text/plain", {}});
  });
  Client client(loop_, endpoint);
  std::string message;
  client.connect_websocket("/ws", [&](std::shared_ptr<WebSocket> socket, std::optional<Error> error) {
    EXPECT_FALSE(socket);
    message = error->what();
    loop_.stop();
  });
  run();
  EXPECT_THAT(message, HasSubstr("404"));
  EXPECT_THAT(message, HasSubstr("no such node"));
}

TEST_F(HttpTest, APlainRequestForAWebSocketIsToldSo) {
  Endpoint endpoint = serve([&](std::shared_ptr<Exchange> exchange) { exchange->upgrade_websocket([](auto) {}); });
  Client client(loop_, endpoint);
  EXPECT_EQ(exchange(client, request_for("/")).value().status, 426);
}

}  // namespace
}  // namespace base::http
