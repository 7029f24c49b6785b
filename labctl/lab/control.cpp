#include "labctl/lab/control.h"

#include <signal.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>
#include <utility>

#include "labctl/lab/exec_session.h"
#include "lib/base/error.h"

namespace lab {
namespace {

namespace json = boost::json;

// A restart of a process waits for its end and its readiness.
constexpr std::chrono::seconds kLongestAnswer{120};
constexpr std::size_t kLongestOutput = 64 << 20;

std::string words_of(const base::http::Response& response) {
  boost::system::error_code error;
  json::value body = json::parse(response.body, error);
  if (!error && body.is_object()) {
    const json::value* words = body.get_object().if_contains("error");
    if (words != nullptr && words->is_string()) return std::string(words->get_string());
  }
  return response.body.empty() ? "status " + std::to_string(response.status) : response.body;
}

json::object parse_object(const base::http::Response& response) {
  boost::system::error_code error;
  json::value body = response.body.empty() ? json::object{} : json::parse(response.body, error);
  if (error || !body.is_object())
    throw base::Error("the lab's answer is no JSON object: " + response.body.substr(0, 200));
  return std::move(body.get_object());
}

json::array take_array(json::object answer, const char* key) {
  json::value* list = answer.if_contains(key);
  if (list == nullptr || !list->is_array()) throw base::Error(std::string("the lab's answer lacks \"") + key + "\"");
  return std::move(list->get_array());
}

// A command to its end, its outputs in memory.
class CapturedExec {
 public:
  CapturedExec(const LabFolder& folder, const Command& command) : command_(command), timer_(loop_) {
    ExecRequest request;
    request.node = command.node;
    request.arguments = command.arguments;
    request.environment = command.environment;
    if (command.timeout) end_after(*command.timeout);
    session_ = ExecSession::start(loop_, folder, request,
                                  {[this](std::string_view data) { keep(result_.output, data); },
                                   [this](std::string_view data) { keep(result_.error_output, data); },
                                   [this] { send_input(); }, [this](ExecEnd end) { ended(std::move(end)); }});
  }

  ~CapturedExec() { session_->abandon(); }
  CapturedExec(const CapturedExec&) = delete;
  CapturedExec& operator=(const CapturedExec&) = delete;

  CommandResult run() {
    loop_.run();
    if (failure_) throw *failure_;
    return std::move(result_);
  }

 private:
  void send_input() {
    constexpr std::size_t kPiece = 32 * 1024;
    while (session_->writable() && sent_ < command_.input.size()) {
      std::string_view piece = std::string_view(command_.input).substr(sent_, kPiece);
      session_->send_input(piece);
      sent_ += piece.size();
    }
    if (sent_ == command_.input.size() && !std::exchange(input_ended_, true)) session_->end_input();
  }

  void keep(std::string& output, std::string_view data) {
    if (output.size() + data.size() <= kLongestOutput) {
      output.append(data);
      return;
    }
    give_up(base::Error(command_.arguments.front() + " wrote more than 64 MiB, which is too much to be kept"));
  }

  // First as a person would end it, then for good.
  void end_after(std::chrono::milliseconds time) {
    timer_.expires_after(time);
    timer_.async_wait([this](boost::system::error_code failure) {
      if (failure) return;
      result_.timed_out = true;
      session_->signal(SIGKILL);
      timer_.expires_after(std::chrono::seconds(2));
      timer_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled) give_up(std::nullopt);
      });
    });
  }

  void give_up(std::optional<base::Error> failure) {
    failure_ = std::move(failure);
    session_->abandon();
    loop_.stop();
  }

  void ended(ExecEnd end) {
    if (end.failure) failure_ = std::move(end.failure);
    if (!end.could_not_start.empty()) failure_ = base::Error(end.could_not_start);
    result_.exit_code = end.exit_code;
    loop_.stop();
  }

  const Command& command_;
  boost::asio::io_context loop_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<ExecSession> session_;
  std::size_t sent_ = 0;
  bool input_ended_ = false;
  CommandResult result_;
  std::optional<base::Error> failure_;
};

}  // namespace

Control::Control(LabFolder folder) : folder_(std::move(folder)) {}

base::http::Endpoint Control::endpoint() const {
  return base::http::Endpoint::unix_socket(folder_.control_socket());
}

base::http::Response Control::call(const std::string& method, const std::string& target, std::string body) {
  base::http::Request request;
  request.method = method;
  request.target = target;
  request.body = std::move(body);
  request.headers.emplace("Content-Type", "application/json");
  base::http::ClientOptions options;
  options.request_timeout = kLongestAnswer;
  base::http::Response response;
  try {
    response = base::http::fetch(endpoint(), std::move(request), options);
  } catch (const base::Error& error) {
    throw explain(folder_, error);
  }
  if (response.status / 100 != 2) throw base::Error(words_of(response));
  return response;
}

json::object Control::get(const std::string& target) {
  return parse_object(call("GET", target));
}

json::object Control::post(const std::string& target, const json::object& body) {
  return parse_object(call("POST", target, json::serialize(body)));
}

void Control::stream(const std::string& target, const std::function<bool(std::string_view)>& on_data) {
  base::http::Request request;
  request.target = target;
  stream(std::move(request), on_data);
}

void Control::post_stream(const std::string& target, const json::object& body,
                          const std::function<bool(std::string_view)>& on_data) {
  base::http::Request request;
  request.method = "POST";
  request.target = target;
  request.body = json::serialize(body);
  request.headers.emplace("Content-Type", "application/json");
  stream(std::move(request), on_data);
}

void Control::stream(base::http::Request request, const std::function<bool(std::string_view)>& on_data) {
  base::http::Response head;
  bool stopped = false;
  try {
    head = base::http::fetch_stream(endpoint(), std::move(request), [&](std::string_view data) {
      stopped = !on_data(data);
      return !stopped;
    });
  } catch (const base::Error& error) {
    throw explain(folder_, error);
  }
  if (!stopped && head.status / 100 != 2) throw base::Error(words_of(head));
}

json::object Control::lab() {
  return get("/v1/lab");
}
json::array Control::nodes() {
  return take_array(get("/v1/nodes"), "nodes");
}
json::array Control::processes() {
  return take_array(get("/v1/processes"), "processes");
}
void Control::end() {
  call("DELETE", "/v1/lab");
}

namespace {

std::string node_target(const std::string& name) {
  return "/v1/nodes/" + base::http::encode(name);
}
std::string process_target(const std::string& name) {
  return "/v1/processes/" + base::http::encode(name);
}

}  // namespace

void Control::kill_node(const std::string& node_or_pod) {
  post(node_target(node_or_pod) + "/kill");
}
void Control::restart_node(const std::string& node) {
  post(node_target(node) + "/restart");
}
void Control::restart_process(const std::string& full_name) {
  post(process_target(full_name) + "/restart");
}
void Control::signal_process(const std::string& full_name, int signal) {
  post(process_target(full_name) + "/signal", {{"signal", signal}});
}

json::object Control::inject(const json::object& fault, const std::string& lasting) {
  json::object body{{"fault", fault}};
  if (!lasting.empty()) body["for"] = lasting;
  return post("/v1/faults", body);
}
json::array Control::faults() {
  return take_array(get("/v1/faults"), "faults");
}
void Control::heal(std::uint64_t fault) {
  call("DELETE", "/v1/faults/" + std::to_string(fault));
}
void Control::heal_all() {
  call("DELETE", "/v1/faults");
}

CommandResult Control::run(const Command& command) {
  return CapturedExec(folder_, command).run();
}

}  // namespace lab
