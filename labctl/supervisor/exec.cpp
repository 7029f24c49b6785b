#include "labctl/supervisor/exec.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <deque>
#include <optional>

#include "lib/base/error.h"

namespace supervisor {
namespace {

using base::http::WebSocket;
using boost::asio::posix::stream_descriptor;

struct Command {
  std::string node;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;
  std::string working_directory = "/";
  bool terminal = false;
  unsigned short rows = 24, columns = 80;
};

unsigned short small_number(const boost::json::object& object, const char* key, unsigned short otherwise) {
  const boost::json::value* value = object.if_contains(key);
  return value != nullptr && value->is_int64() ? static_cast<unsigned short>(value->as_int64()) : otherwise;
}

Command parse_command(const std::string& text) {
  boost::system::error_code failure;
  boost::json::value parsed = boost::json::parse(text, failure);
  if (failure || !parsed.is_object()) throw base::Error("exec: the first message is not a JSON object");
  const boost::json::object& object = parsed.as_object();
  Command command;
  try {
    command.node = std::string(object.at("node").as_string());
    for (const auto& word : object.at("argv").as_array()) command.arguments.emplace_back(word.as_string());
    if (const auto* it = object.if_contains("env")) {
      for (const auto& variable : it->as_object()) {
        command.environment[std::string(variable.key())] = std::string(variable.value().as_string());
      }
    }
    if (const auto* it = object.if_contains("cwd")) command.working_directory = std::string(it->as_string());
    if (const auto* it = object.if_contains("tty")) command.terminal = it->as_bool();
  } catch (const std::exception&) {
    throw base::Error("exec: the first message needs \"node\" (text) and \"argv\" (a list of text)");
  }
  if (command.arguments.empty()) throw base::Error("exec: \"argv\" is empty");
  command.rows = small_number(object, "rows", 24);
  command.columns = small_number(object, "cols", 80);
  return command;
}

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(boost::asio::io_context& loop, Reaper& reaper, FindNode find_node, std::shared_ptr<WebSocket> client)
      : loop_(loop),
        reaper_(reaper),
        find_node_(std::move(find_node)),
        client_(std::move(client)),
        drain_timer_(loop) {}

  void begin() {
    auto self = shared_from_this();
    client_->on_message([self](std::string data, bool binary) { self->message(std::move(data), binary); });
    client_->on_closed([self](const std::string&) { self->client_gone(); });
    client_->on_writable([self] { self->read_outputs(); });
    client_->resume();
  }

 private:
  struct Output {
    Output(boost::asio::io_context& loop, int descriptor, Channel on) : stream(loop, descriptor), channel(on) {}
    stream_descriptor stream;
    Channel channel;
    std::array<char, 32768> buffer;
    bool reading = false;
    bool ended = false;
  };

  void message(std::string data, bool binary) {
    if (!started_) {
      started_ = true;
      try {
        start(parse_command(data));
      } catch (const std::exception& error) {
        finish({{"error", error.what()}});
      }
      return;
    }
    if (!binary || data.empty()) return;
    auto channel = static_cast<Channel>(data.front());
    if (channel == Channel::input) return input(data.substr(1));
    if (channel == Channel::resize || channel == Channel::signal) control(channel, data.substr(1));
  }

  void start(const Command& command) {
    std::shared_ptr<Node> node = find_node_(command.node);
    if (!node) throw base::Error("no node \"" + command.node + "\" in this lab");
    base::Program program;
    program.arguments = command.arguments;
    program.environment = command.environment;
    program.working_directory = command.working_directory;
    if (command.terminal) {
      start_on_terminal(*node, program, command);
    } else {
      start_on_pipes(*node, program);
    }
    reaper_.watch(pid_, [self = shared_from_this()](int status) { self->exited(status); });
    read_outputs();
  }

  void start_on_terminal(Node& node, base::Program& program, const Command& command) {
    int master = -1, slave = -1;
    winsize size{command.rows, command.columns, 0, 0};
    base::check_system("open a terminal", ::openpty(&master, &slave, nullptr, nullptr, &size));
    base::FileDescriptor ours(master), theirs(slave);
    ::fcntl(master, F_SETFD, FD_CLOEXEC);
    ::fcntl(slave, F_SETFD, FD_CLOEXEC);
    program.input = program.output = program.error = slave;
    program.controlling_terminal = true;
    program.environment.try_emplace("TERM", "xterm");
    pid_ = node.start(program);
    terminal_ = ours.get();
    input_.emplace(loop_, ours.duplicate().release());
    add_output(std::move(ours), Channel::output);
  }

  void start_on_pipes(Node& node, base::Program& program) {
    base::Pipe input = base::make_pipe(), output = base::make_pipe(), error = base::make_pipe();
    program.input = input.read_end.get();
    program.output = output.write_end.get();
    program.error = error.write_end.get();
    pid_ = node.start(program);
    input_.emplace(loop_, input.write_end.release());
    add_output(std::move(output.read_end), Channel::output);
    add_output(std::move(error.read_end), Channel::error);
  }

  void add_output(base::FileDescriptor descriptor, Channel channel) {
    outputs_.push_back(std::make_unique<Output>(loop_, descriptor.release(), channel));
  }

  // ---- from the command to the client: read only what the client can take

  void read_outputs() {
    for (auto& output : outputs_) read(*output);
  }

  void read(Output& output) {
    if (output.reading || output.ended || finished_ || !client_->writable()) return;
    output.reading = true;
    output.stream.async_read_some(
        boost::asio::buffer(output.buffer),
        [self = shared_from_this(), &output](boost::system::error_code failure, size_t count) {
          output.reading = false;
          if (failure) {  // EIO is how a terminal says that its last user has gone
            output.ended = true;
            return self->finish_if_complete();
          }
          self->send(output.channel, {output.buffer.data(), count});
          self->read(output);
        });
  }

  void send(Channel channel, std::string_view data) {
    std::string message(1, static_cast<char>(channel));
    message.append(data);
    client_->send_binary(std::move(message));
  }

  // ---- from the client to the command: the client is read only while the command takes its input

  void input(std::string data) {
    if (!input_) return;
    if (data.empty()) {
      input_ended_ = true;
    } else {
      within_line_ = data.back() != '\n' && data.back() != '\r';
      pending_.push_back(std::move(data));
    }
    if (pending_.size() > 8) client_->pause();
    write_input();
  }

  void write_input() {
    if (writing_ || !input_) return;
    if (pending_.empty()) {
      if (input_ended_) end_input();
      return;
    }
    writing_ = true;
    boost::asio::async_write(*input_, boost::asio::buffer(pending_.front()),
                             [self = shared_from_this()](boost::system::error_code failure, size_t) {
                               self->writing_ = false;
                               self->pending_.pop_front();
                               if (failure) {  // the command reads no more: what comes is dropped
                                 self->input_.reset();
                                 self->pending_.clear();
                               }
                               if (self->pending_.size() <= 8) self->client_->resume();
                               self->write_input();
                             });
  }

  // A terminal has no end of file, but a character for it (VEOF, Ctrl-D). Within a line it only ends the line; what is
  // read after that is the end of the file.
  void end_input() {
    if (terminal_ < 0) return input_.reset();
    input_ended_ = false;
    pending_.push_back(within_line_ ? "\x04\x04" : "\x04");
    write_input();
  }

  void control(Channel channel, const std::string& text) {
    boost::system::error_code failure;
    boost::json::value parsed = boost::json::parse(text, failure);
    if (failure || !parsed.is_object() || pid_ <= 0) return;
    const boost::json::object& object = parsed.as_object();
    if (channel == Channel::resize && terminal_ >= 0) {
      winsize size{small_number(object, "rows", 24), small_number(object, "cols", 80), 0, 0};
      ::ioctl(terminal_, TIOCSWINSZ, &size);
    } else if (channel == Channel::signal) {
      ::kill(-pid_, small_number(object, "signal", SIGTERM));
    }
  }

  // ---- the end

  void exited(int wait_status) {
    pid_t leader = std::exchange(pid_, -1);
    status_ = wait_status;
    if (client_->closed()) {
      ::kill(-leader, SIGHUP);
      return close_streams();
    }
    // What it left in the background may hold its output open for ever: what was written is given a moment to arrive.
    drain_timer_.expires_after(std::chrono::milliseconds(500));
    drain_timer_.async_wait([self = shared_from_this()](boost::system::error_code failure) {
      if (failure) return;
      self->drained_ = true;
      self->finish_if_complete();
    });
    finish_if_complete();
  }

  void finish_if_complete() {
    if (!status_) return;
    bool ended = std::all_of(outputs_.begin(), outputs_.end(), [](const auto& it) { return it->ended; });
    // A slow client is waited for: only outputs that nothing comes from are given up.
    if (!ended && !(drained_ && client_->backlog() == 0)) {
      if (drained_) {
        drained_ = false;
        drain_timer_.expires_after(std::chrono::milliseconds(500));
        drain_timer_.async_wait([self = shared_from_this()](boost::system::error_code failure) {
          if (failure) return;
          self->drained_ = true;
          self->finish_if_complete();
        });
      }
      return;
    }
    if (WIFSIGNALED(*status_)) return finish({{"signal", WTERMSIG(*status_)}});
    finish({{"exit", WEXITSTATUS(*status_)}});
  }

  void finish(const boost::json::object& status) {
    if (finished_) return;
    finished_ = true;
    drain_timer_.cancel();
    send(Channel::status, boost::json::serialize(status));
    client_->close();
    close_streams();
  }

  void client_gone() {
    if (pid_ > 0) ::kill(-pid_, SIGHUP);
    if (pid_ > 0) ::kill(-pid_, SIGCONT);
    finished_ = true;
    drain_timer_.cancel();
    close_streams();
  }

  void close_streams() {
    boost::system::error_code ignored;
    for (auto& output : outputs_) output->stream.close(ignored);
    if (input_ && !writing_) input_.reset();
  }

  boost::asio::io_context& loop_;
  Reaper& reaper_;
  FindNode find_node_;
  std::shared_ptr<WebSocket> client_;
  boost::asio::steady_timer drain_timer_;
  std::vector<std::unique_ptr<Output>> outputs_;
  std::optional<stream_descriptor> input_;
  std::deque<std::string> pending_;
  std::optional<int> status_;
  int terminal_ = -1;
  pid_t pid_ = -1;
  bool started_ = false, finished_ = false, writing_ = false, input_ended_ = false, drained_ = false,
       within_line_ = false;
};

}  // namespace

void serve_exec(boost::asio::io_context& loop, Reaper& reaper, FindNode find_node,
                std::shared_ptr<base::http::WebSocket> client) {
  std::make_shared<Session>(loop, reaper, std::move(find_node), std::move(client))->begin();
}

}  // namespace supervisor
