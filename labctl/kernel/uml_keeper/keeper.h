#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "labctl/kernel/multiplexer.h"
#include "labctl/kernel/uml_keeper/machine.h"

namespace uml_keeper {

// Watches over one guest from its boot to its end.
class Keeper {
 public:
  Keeper();
  // Returns the lab's exit code once the guest has ended, however it did.
  int run();

 private:
  using Socket = kernel::Multiplexer::Socket;

  void copy_log(boost::asio::posix::stream_descriptor& source, int log, std::array<char, 8192>& buffer);
  void accept();
  void watch_starter();
  void watch_children();
  void reap();
  Socket progress_socket();
  void read_progress();
  void pass_progress(const std::string& line);
  void on_guest_end(int status);
  void end(const std::string& why, int exit_code);

  boost::asio::io_context context_;
  Machine machine_;
  boost::asio::posix::stream_descriptor console_;
  boost::asio::posix::stream_descriptor guest_messages_;
  std::array<char, 8192> console_buffer_;
  std::array<char, 8192> messages_buffer_;
  boost::asio::local::stream_protocol::acceptor listener_;
  Socket starter_;
  boost::asio::signal_set child_ended_;
  kernel::Multiplexer multiplexer_;
  Socket progress_;
  std::array<char, 4096> progress_buffer_;
  std::array<char, 64> starter_buffer_;
  std::string progress_text_;
  std::string console_tail_;
  bool told_outcome_ = false;
  int exit_code_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace uml_keeper
