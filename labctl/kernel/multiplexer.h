// Carries connections of unix sockets over one serial line, between the host and an embedded kernel.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "labctl/kernel/line_protocol.h"
#include "lib/base/file_descriptor.h"

namespace kernel {

// Single-threaded, as the io_context must be. Each end of a stream is a socket; the two see each other's bytes, ends
// and resets as if they were connected.
class Multiplexer : private LineProtocol::Events {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;
  // What a stream is to be connected to on the side that did not open it.
  // Control is a dialogue: a client that has gone wants nothing more, not even to be heard.
  enum Channel : std::uint8_t { kControl = 0, kProgress = 1 };
  // Makes the socket for a stream that the other side opened on this channel. A base::Error resets the stream.
  using Connect = std::function<Socket()>;
  // The line is gone or cannot be used: called once. All streams have been closed then.
  using Failed = std::function<void(const std::string& why)>;

  // LINE: a descriptor that is open for both directions, raw where it is a terminal.
  Multiplexer(boost::asio::io_context& context, base::FileDescriptor line, LineProtocol::Side side, LineLimits limits,
              Failed failed);
  ~Multiplexer() override;

  void serve(Channel channel, Connect connect) { connectors_[channel] = std::move(connect); }
  // Called once the other side has spoken, with the words of its greeting.
  void when_greeted(std::function<void(std::string_view)> greeted) { greeted_ = std::move(greeted); }
  // Makes the words that the other side is greeted with; asked for on the host, when the guest has spoken.
  void greet_with(std::function<std::string()> words) { words_ = std::move(words); }
  // Opens a stream on this channel and connects it to SOCKET.
  void open(Channel channel, Socket socket);
  // Nothing is left to be written to the line.
  bool flushed() const { return !writing_; }

 private:
  class Relay;

  std::string greeting() override { return words_ ? words_() : std::string(); }
  void on_hello(std::string_view greeting) override;
  void on_open(LineProtocol::StreamId stream, std::uint8_t channel) override;
  void on_data(LineProtocol::StreamId stream, std::string_view data) override;
  void on_end(LineProtocol::StreamId stream) override;
  void on_reset(LineProtocol::StreamId stream) override;
  void on_credit(LineProtocol::StreamId stream) override;

  void read();
  void write();
  void fail(const std::string& why);

  boost::asio::io_context& context_;
  boost::asio::posix::stream_descriptor line_;
  LineProtocol protocol_;
  Failed failed_;
  std::function<void(std::string_view)> greeted_;
  std::function<std::string()> words_;
  std::map<std::uint8_t, Connect> connectors_;
  std::map<LineProtocol::StreamId, std::shared_ptr<Relay>> relays_;
  std::array<char, 64 * 1024> input_;
  std::string output_;
  bool writing_ = false;
  // Outlived by the handlers of what was under way when the multiplexer went.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kernel
