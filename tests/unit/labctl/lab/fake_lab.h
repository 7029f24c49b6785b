// A lab without a lab: a folder, a first process, and a control API that answers what a test says.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "labctl/lab/runtime.h"
#include "lib/base/file_descriptor.h"
#include "lib/base/http.h"
#include "lib/base/run.h"

namespace fake {

namespace json = boost::json;
namespace http = base::http;
using Exchange = std::shared_ptr<http::Exchange>;
using Socket = std::shared_ptr<http::WebSocket>;

inline http::Response answer(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    char name[] = "/tmp/labctl-unit-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw base::Error::system("make a folder");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// The runtime directory, as long as it lives.
class RuntimeDirectory : public TemporaryFolder {
 public:
  RuntimeDirectory() { ::setenv("LABCTL_RUNTIME_DIR", path().c_str(), 1); }
  ~RuntimeDirectory() { ::unsetenv("LABCTL_RUNTIME_DIR"); }
};

// What a process of a lab leaves behind with it, for tests of its folder alone: it holds the lock as long as it lives.
class FirstProcess {
 public:
  explicit FirstProcess(base::FileDescriptor lock) {
    pid_ = base::check_system("fork", ::fork());
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) ::pause();
    }
    base::write_all(lock.get(), std::to_string(pid_) + "\n");
    reaper_ = std::thread([this] { ::waitpid(pid_, nullptr, 0); });
  }
  ~FirstProcess() { end(); }
  FirstProcess(const FirstProcess&) = delete;
  FirstProcess& operator=(const FirstProcess&) = delete;

  void end() {
    if (!reaper_.joinable()) return;
    ::kill(pid_, SIGKILL);
    reaper_.join();
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  std::thread reaper_;
};

// A whole one. HANDLER runs on the server's thread; by default it knows what `labctl` asks of a lab with nodes a and b.
class Lab {
 public:
  explicit Lab(const std::string& name = "fake") : folder_(lab::lab_folder(name)) {
    files_ = lab::make_lab_files(folder_);
    base::write_all(files_.lab_log.get(), "the first line\nthe last line\n");
    // No threads yet: it is forked.
    process_ = std::make_unique<FirstProcess>(std::move(files_.lock));
    server_ = std::make_unique<http::Server>(loop_, [this](Exchange exchange) { handle(exchange); });
    server_->listen_on_descriptor(files_.control.release());
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Lab() { die(); }
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  // Answers to "GET /v1/lab" and so on; set before they are asked for.
  std::map<std::string, http::Response> answers{
      {"GET /v1/lab", answer(200, R"({"name": "fake", "state": "ready", "started": "2026-01-31T12:00:00.123Z",
        "kernel": {"provider": "host", "version": "Linux 6.1", "reason": "it serves all"}, "topology": "/x/fake.yaml",
        "endpoints": [{"what": "API server", "where": "http://192.168.1.1:8080"}], "timings": [],
        "api": "http://192.168.1.1:8080", "controlPlane": "a"})")},
      {"GET /v1/nodes", answer(200, R"({"nodes": [
        {"name": "a", "kind": "node", "state": "running", "links": [{"name": "lo", "addresses": ["127.0.0.1/8"]},
          {"name": "lan", "addresses": ["192.168.1.1/24", "fe80::1/64"]}]},
        {"name": "default/web-1", "kind": "pod", "host": "a", "state": "running", "links": []}]})")},
      {"GET /v1/processes",
       answer(200, R"({"processes": [{"name": "web@a", "node": "a", "command": ["echo", "--http", "80"],
        "state": "exited", "restarts": 2, "exit": 3}]})")}};
  // What comes over /v1/exec and /v1/forward.
  std::function<void(Socket, const http::Request&)> on_websocket = [](Socket socket, const http::Request&) {
    socket->close("no WebSocket here");
  };

  const lab::LabFolder& folder() const { return folder_; }
  pid_t pid() const { return process_->pid(); }
  const std::vector<std::string>& requests() const { return requests_; }  // to be looked at when all is quiet

  // As when its first process is killed: all of it is gone at once.
  void die() {
    if (!thread_.joinable()) return;
    process_->end();
    boost::asio::post(loop_, [this] {
      server_.reset();
      // Connections let go of their callbacks in turns to come.
      boost::asio::post(loop_, [this] { boost::asio::post(loop_, [this] { loop_.stop(); }); });
    });
    thread_.join();
  }
  boost::asio::io_context& loop() { return loop_; }

 private:
  void handle(const Exchange& exchange) {
    const http::Request& request = exchange->request();
    requests_.push_back(request.method + " " + request.target + (request.body.empty() ? "" : " " + request.body));
    if (request.is_websocket_upgrade()) {
      auto copy = std::make_shared<http::Request>(request);
      return exchange->upgrade_websocket([this, copy](Socket socket) { on_websocket(std::move(socket), *copy); });
    }
    auto known = answers.find(request.method + " " + request.target);
    if (known != answers.end()) return exchange->respond(known->second);
    if (request.method == "DELETE") process_->end();
    if (request.method != "GET") return exchange->respond(answer(200, "{}"));
    exchange->respond(answer(404, R"({"error": "no such thing in this lab"})"));
  }

  lab::LabFolder folder_;
  kernel::LabFiles files_;
  std::unique_ptr<FirstProcess> process_;
  boost::asio::io_context loop_{1};
  std::unique_ptr<http::Server> server_;
  std::thread thread_;
  std::vector<std::string> requests_;
};

// ---- the exec protocol's other side

inline std::string on_channel(int channel, const std::string& data) {
  return std::string(1, static_cast<char>(channel)) + data;
}
inline std::string status(const json::object& object) {
  return on_channel(3, json::serialize(object));
}

// Runs the command on this host when its input has ended, as if the node were here.
inline void run_here(Socket socket, const http::Request&) {
  struct State {
    json::object request;
    std::string input;
  };
  auto state = std::make_shared<State>();
  socket->on_message([socket, state](std::string data, bool binary) {
    if (!binary) {
      state->request = json::parse(data).as_object();
      return;
    }
    if (data.front() != 0) return;
    if (data.size() > 1) {
      state->input += data.substr(1);
      return;
    }
    std::vector<std::string> words;
    for (const json::value& word : state->request.at("argv").as_array()) words.emplace_back(word.as_string());
    base::RunResult result = base::run_command(words, state->input);
    if (!result.output.empty()) socket->send_binary(on_channel(1, result.output));
    if (!result.error_output.empty()) socket->send_binary(on_channel(2, result.error_output));
    socket->send_binary(status({{"exit", result.exit_code}}));
    socket->close();
  });
  socket->resume();
}

}  // namespace fake
