#include "labctl/lab/exec_streams.h"

#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "labctl/lab/ignored_pipe_signal.h"
#include "labctl/lab/ready_descriptor.h"
#include "lib/base/error.h"

namespace lab {
namespace {

constexpr std::size_t kKeptErrorOutput = 16 * 1024;

// A pipe that can be written takes this much without blocking (pipe(7)).
constexpr std::size_t kPiece = PIPE_BUF;

// From the session to a descriptor: holds what the session has just given, until it is written.
class OutputPump {
 public:
  OutputPump(boost::asio::io_context& loop, int descriptor, std::function<void()> drained,
             std::function<void(int error_number)> failed)
      : descriptor_(descriptor),
        ready_(loop, descriptor, ReadyDescriptor::For::kWriting),
        drained_(std::move(drained)),
        failed_(std::move(failed)) {}

  bool empty() const { return pending_.empty(); }

  void write(std::string_view data) {
    bool waiting = !pending_.empty();
    pending_.append(data);
    if (!waiting) flush();
  }

  void cancel() { ready_.cancel(); }

 private:
  void flush() {
    std::size_t done = 0;
    while (done < pending_.size() && ready_.ready_now()) {
      ssize_t count = ::write(descriptor_, pending_.data() + done, std::min(kPiece, pending_.size() - done));
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (count < 0) return failed_(errno);
      done += static_cast<std::size_t>(count);
    }
    pending_.erase(0, done);
    if (!pending_.empty()) return ready_.wait([this] { flush(); });
    drained_();
  }

  int descriptor_;
  ReadyDescriptor ready_;
  std::function<void()> drained_;
  std::function<void(int)> failed_;
  std::string pending_;
};

class AttachedExec {
 public:
  AttachedExec(const LabFolder& folder, const ExecRequest& request, const ExecStreams& streams)
      : streams_(streams), has_terminal_(request.terminal.has_value()), signals_(loop_), patience_(loop_) {
    if (streams.output >= 0) make_pump(output_, streams.output);
    if (streams.error_output >= 0) make_pump(error_output_, streams.error_output);
    if (streams.input >= 0) {
      input_ = std::make_unique<ReadyDescriptor>(loop_, streams.input, ReadyDescriptor::For::kReading);
    }
    watch_signals();
    session_ = ExecSession::start(loop_, folder, request,
                                  {[this](std::string_view data) { take_output(output_.get(), data); },
                                   [this](std::string_view data) { take_error_output(data); }, [this] { pump_input(); },
                                   [this](ExecEnd end) { ended(std::move(end)); }});
    if (!input_) session_->end_input();
  }

  ~AttachedExec() { session_->abandon(); }
  AttachedExec(const AttachedExec&) = delete;
  AttachedExec& operator=(const AttachedExec&) = delete;

  ExecResult run() {
    loop_.run();
    if (failure_) throw *failure_;
    return std::move(result_);
  }

 private:
  void make_pump(std::unique_ptr<OutputPump>& pump, int descriptor) {
    pump = std::make_unique<OutputPump>(
        loop_, descriptor, [this] { drained(); }, [this](int error_number) { write_failed(error_number); });
  }

  // ---- input

  void pump_input() {
    if (!input_ || input_waits_ || !session_ || !session_->writable()) return;
    input_waits_ = true;
    input_->wait([this] {
      input_waits_ = false;
      read_input();
    });
  }

  void read_input() {
    if (done_) return;
    ssize_t count = ::read(streams_.input, buffer_.data(), buffer_.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return pump_input();
    if (count <= 0) {  // EIO is how a terminal says that it is gone
      input_->cancel();
      input_.reset();
      return session_->end_input();
    }
    session_->send_input({buffer_.data(), static_cast<std::size_t>(count)});
    count_bytes(static_cast<std::size_t>(count));
    pump_input();
  }

  // ---- output

  void take_output(OutputPump* pump, std::string_view data) {
    count_bytes(data.size());
    if (pump == nullptr) return;
    pump->write(data);
    if (session_ && !pump->empty()) session_->pause();
  }

  void take_error_output(std::string_view data) {
    if (error_output_) return take_output(error_output_.get(), data);
    result_.said.append(data.substr(0, kKeptErrorOutput - std::min(kKeptErrorOutput, result_.said.size())));
  }

  bool all_written() const { return (!output_ || output_->empty()) && (!error_output_ || error_output_->empty()); }

  void drained() {
    if (!all_written()) return;
    if (done_) return loop_.stop();
    if (session_) session_->resume();
  }

  void write_failed(int error_number) {
    if (error_number == EPIPE) {
      result_.exit_code = 128 + SIGPIPE;
    } else {
      failure_ = base::Error::system("write the command's output", error_number);
    }
    give_up();
  }

  void give_up() {
    done_ = true;
    session_->abandon();
    // The connection's end is still to be sent.
    patience_.expires_after(std::chrono::milliseconds(20));
    patience_.async_wait([this](boost::system::error_code) { loop_.stop(); });
  }

  void count_bytes(std::size_t count) {
    bytes_ += count;
    if (streams_.on_progress) streams_.on_progress(bytes_);
  }

  // ---- signals

  void watch_signals() {
    if (streams_.pass_signals) {
      for (int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) signals_.add(number);
    }
    if (has_terminal_ && streams_.window_size) signals_.add(SIGWINCH);
    wait_for_signal();
  }

  void wait_for_signal() {
    signals_.async_wait([this](boost::system::error_code failure, int number) {
      if (failure || done_) return;
      if (number == SIGWINCH) {
        session_->resize(streams_.window_size());
      } else {
        pass(number);
      }
      wait_for_signal();
    });
  }

  void pass(int number) {
    session_->signal(number);
    if (!has_terminal_ || (number != SIGTERM && number != SIGHUP)) return;
    patience_.expires_after(std::chrono::seconds(2));
    patience_.async_wait([this, number](boost::system::error_code failure) {
      if (failure || done_) return;
      result_.exit_code = 128 + number;
      give_up();
    });
  }

  void ended(ExecEnd end) {
    done_ = true;
    patience_.cancel();
    failure_ = std::move(end.failure);
    result_.exit_code = end.exit_code;
    result_.could_not_start = std::move(end.could_not_start);
    if (all_written()) loop_.stop();
  }

  const ExecStreams& streams_;
  bool has_terminal_;
  boost::asio::io_context loop_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer patience_;
  std::unique_ptr<ReadyDescriptor> input_;
  std::unique_ptr<OutputPump> output_;
  std::unique_ptr<OutputPump> error_output_;
  std::shared_ptr<ExecSession> session_;
  std::array<char, 32 * 1024> buffer_;
  std::uint64_t bytes_ = 0;
  bool input_waits_ = false;
  bool done_ = false;
  ExecResult result_;
  std::optional<base::Error> failure_;
};

}  // namespace

ExecResult exec_with_streams(const LabFolder& folder, const ExecRequest& request, const ExecStreams& streams) {
  IgnoredPipeSignal guard;
  return AttachedExec(folder, request, streams).run();
}

}  // namespace lab
