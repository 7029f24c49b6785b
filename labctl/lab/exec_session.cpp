#include "labctl/lab/exec_session.h"

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/http.h"
#include "lib/base/utf8.h"

namespace lab {
namespace {

namespace json = boost::json;
using base::http::WebSocket;

// docs/control-api.md; 0 to 4 are those of Kubernetes' remotecommand.
enum class Channel : char { kInput = 0, kOutput = 1, kError = 2, kStatus = 3, kResize = 4, kSignal = 5 };

std::string message(Channel channel, std::string_view data) {
  std::string text(1, static_cast<char>(channel));
  text.append(data);
  return text;
}

json::object size_object(WindowSize size) {
  return {{"rows", size.rows}, {"cols", size.columns}};
}

std::string first_message(const ExecRequest& request) {
  json::object object{{"node", request.node},
                      {"argv", json::array(request.arguments.begin(), request.arguments.end())},
                      {"tty", request.terminal.has_value()},
                      {"cwd", request.working_directory}};
  json::object environment;
  for (const auto& [name, value] : request.environment) environment[name] = value;
  object["env"] = std::move(environment);
  if (request.terminal) {
    for (const auto& pair : size_object(*request.terminal)) object[pair.key()] = pair.value();
  }
  std::string message = json::serialize(object);
  if (!base::is_valid_utf8(message)) {
    throw base::Error("run " + base::valid_utf8(request.arguments.empty() ? "a command" : request.arguments.front()) +
                      " in node " + request.node + ": what is asked for holds bytes that are no UTF-8")
        .with_mend("hand them over by the command's standard input, or write them as printf(1) does");
  }
  return message;
}

ExecEnd parse_status(std::string_view text) {
  ExecEnd end;
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  const json::object* object = error ? nullptr : value.if_object();
  auto number = [&](const char* key) -> std::optional<int> {
    const json::value* found = object == nullptr ? nullptr : object->if_contains(key);
    if (found == nullptr || !found->is_int64()) return std::nullopt;
    return static_cast<int>(found->get_int64());
  };
  if (auto code = number("exit")) {
    end.exit_code = *code;
  } else if (auto signal = number("signal")) {
    end.exit_code = 128 + *signal;
  } else {
    const json::value* why = object == nullptr ? nullptr : object->if_contains("error");
    end.could_not_start = why != nullptr && why->is_string() ? std::string(why->get_string()) : std::string(text);
  }
  return end;
}

class Session : public ExecSession, public std::enable_shared_from_this<Session> {
 public:
  Session(boost::asio::io_context& loop, LabFolder folder, const ExecRequest& request, Callbacks callbacks)
      : client_(loop, base::http::Endpoint::unix_socket(folder.control_socket())),
        folder_(std::move(folder)),
        first_message_(first_message(request)),
        callbacks_(std::move(callbacks)) {}

  void connect() {
    client_.connect_websocket(
        "/v1/exec", [self = shared_from_this()](std::shared_ptr<WebSocket> socket, std::optional<base::Error> error) {
          if (self->done_) {
            if (socket) socket->close();
            return;
          }
          if (error) return self->cut(*error);
          self->connected(std::move(socket));
        });
  }

  bool writable() const override { return socket_ && socket_->writable(); }
  void send_input(std::string_view data) override {
    if (!data.empty()) send(Channel::kInput, data);
  }
  void end_input() override { send(Channel::kInput, {}); }
  void signal(int number) override { send(Channel::kSignal, json::serialize(json::object{{"signal", number}})); }
  void resize(WindowSize size) override { send(Channel::kResize, json::serialize(size_object(size))); }

  void pause() override {
    paused_ = true;
    if (socket_) socket_->pause();
  }
  void resume() override {
    paused_ = false;
    if (socket_) socket_->resume();
  }

  void abandon() override {
    done_ = true;
    callbacks_ = {};
    let_go();
  }

 private:
  void connected(std::shared_ptr<WebSocket> socket) {
    socket_ = std::move(socket);
    auto self = shared_from_this();
    socket_->on_message([self](std::string data, bool) { self->receive(data); });
    socket_->on_writable([self] { self->tell_writable(); });
    socket_->on_closed([self](const std::string& reason) { self->closed(reason); });
    socket_->send_text(std::move(first_message_));
    for (std::string& waiting : std::exchange(early_, {})) socket_->send_binary(std::move(waiting));
    if (!paused_) socket_->resume();
    tell_writable();
  }

  void tell_writable() {
    if (auto callback = callbacks_.writable) callback();
  }

  void send(Channel channel, std::string_view data) {
    if (done_) return;
    if (!socket_) {
      early_.push_back(message(channel, data));
      return;
    }
    socket_->send_binary(message(channel, data));
  }

  void receive(const std::string& data) {
    if (data.empty() || done_) return;
    std::string_view rest = std::string_view(data).substr(1);
    switch (static_cast<Channel>(data.front())) {
      case Channel::kOutput:
        return deliver(callbacks_.output, rest);
      case Channel::kError:
        return deliver(callbacks_.error_output, rest);
      case Channel::kStatus:
        return end(parse_status(rest));
      default:
        return;
    }
  }

  // A copy: the callback may abandon us.
  static void deliver(std::function<void(std::string_view)> callback, std::string_view data) { callback(data); }

  void closed(const std::string& reason) {
    cut(base::Error("the connection was cut" + (reason.empty() ? "" : ": " + reason)));
  }

  void cut(const base::Error& error) {
    if (done_) return;
    ExecEnd cut;
    cut.failure = explain(folder_, error);
    end(std::move(cut));
  }

  void end(ExecEnd how) {
    done_ = true;
    auto callback = std::move(callbacks_.ended);
    callbacks_ = {};
    let_go();
    if (callback) callback(std::move(how));
  }

  // Its callbacks hold us, and we it: whoever ends the loop now would leave both behind, with their socket.
  void let_go() {
    if (!socket_) return;
    socket_->on_message(nullptr);
    socket_->on_writable(nullptr);
    socket_->on_closed(nullptr);
    socket_->close();
    socket_.reset();
  }

  base::http::Client client_;
  LabFolder folder_;
  std::string first_message_;
  Callbacks callbacks_;
  std::shared_ptr<WebSocket> socket_;
  std::vector<std::string> early_;
  bool paused_ = false;
  bool done_ = false;
};

}  // namespace

std::shared_ptr<ExecSession> ExecSession::start(boost::asio::io_context& loop, const LabFolder& folder,
                                                const ExecRequest& request, Callbacks callbacks) {
  auto session = std::make_shared<Session>(loop, folder, request, std::move(callbacks));
  session->connect();
  return session;
}

}  // namespace lab
