#include "labctl/kernel/multiplexer.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "lib/base/error.h"

namespace kernel {

namespace asio = boost::asio;
using boost::system::error_code;

// One end of a stream: a socket, and what has yet to be written to it.
class Multiplexer::Relay : public std::enable_shared_from_this<Relay> {
 public:
  Relay(Multiplexer& owner, LineProtocol::StreamId stream, Socket socket, bool is_dialogue)
      : owner_(owner), alive_(owner.alive_), stream_(stream), socket_(std::move(socket)), is_dialogue_(is_dialogue) {}

  // Reads as much as may be sent; on_credit calls again once that is nothing.
  void read() {
    std::size_t size = std::min(buffer_.size(), owner_.protocol_.sendable(stream_));
    if (reading_ || read_ended_ || closing_ || closed_) return;
    if (size == 0) return watch_for_hangup();
    reading_ = true;
    socket_.async_read_some(asio::buffer(buffer_.data(), size),
                            [self = shared_from_this()](error_code error, std::size_t count) {
                              if (*self->alive_) self->on_read(error, count);
                            });
  }

  void write(std::string_view data) {
    incoming_.append(data);
    write_more();
  }

  void end_output() {
    end_due_ = true;
    write_more();
  }

  // The other side gave the stream up: what it had sent before still goes to the socket, unless it was waiting for an
  // answer, which it no longer does.
  void close_when_written() {
    if (is_dialogue_) return close();
    closing_ = true;
    write_more();
  }

  void close() {
    closed_ = true;
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  // While nothing may be read, its end would not be seen, and whoever serves a client that was killed would go on.
  void watch_for_hangup() {
    if (!is_dialogue_ || watching_) return;
    watching_ = true;
    socket_.async_wait(Socket::wait_error, [self = shared_from_this()](error_code error) {
      if (!*self->alive_) return;
      self->watching_ = false;
      if (!error && !self->closing_ && !self->closed_ && !self->write_ended_) self->abandon();
    });
  }

  void on_read(error_code error, std::size_t count) {
    reading_ = false;
    if (closing_ || closed_) return;
    if (error == asio::error::eof) {
      read_ended_ = true;
      owner_.protocol_.end(stream_);
      finish_if_done();
    } else if (error) {
      return abandon();
    } else {
      owner_.protocol_.send(stream_, std::string_view(buffer_.data(), count));
    }
    owner_.write();
    read();
  }

  void write_more() {
    if (writing_ || closed_) return;
    if (incoming_.empty() && closing_) return close();
    if (incoming_.empty()) {
      if (end_due_ && !write_ended_) {
        write_ended_ = true;
        error_code ignored;
        socket_.shutdown(Socket::shutdown_send, ignored);
        finish_if_done();
      }
      return;
    }
    writing_ = true;
    outgoing_.swap(incoming_);
    incoming_.clear();
    asio::async_write(socket_, asio::buffer(outgoing_),
                      [self = shared_from_this()](error_code error, std::size_t count) {
                        if (*self->alive_) self->on_written(error, count);
                      });
  }

  void on_written(error_code error, std::size_t count) {
    writing_ = false;
    if (closed_) return;
    if (error) return abandon();
    owner_.protocol_.consumed(stream_, count);
    write_more();
    owner_.write();
  }

  void abandon() {
    owner_.protocol_.reset(stream_);
    owner_.write();
    close();
    owner_.relays_.erase(stream_);
  }

  void finish_if_done() {
    if (!read_ended_ || !write_ended_) return;
    close();
    owner_.relays_.erase(stream_);
  }

  Multiplexer& owner_;
  std::shared_ptr<bool> alive_;
  LineProtocol::StreamId stream_;
  Socket socket_;
  const bool is_dialogue_;
  std::array<char, 16 * 1024> buffer_;
  std::string incoming_;
  std::string outgoing_;
  bool reading_ = false;
  bool watching_ = false;
  bool writing_ = false;
  bool read_ended_ = false;
  bool write_ended_ = false;
  bool end_due_ = false;
  bool closing_ = false;
  bool closed_ = false;
};

Multiplexer::Multiplexer(asio::io_context& context, base::FileDescriptor line, LineProtocol::Side side,
                         LineLimits limits, Failed failed)
    : context_(context), line_(context, line.get()), protocol_(side, limits, *this), failed_(std::move(failed)) {
  line.release();
  read();
  write();
}

Multiplexer::~Multiplexer() {
  *alive_ = false;
  for (auto& [stream, relay] : relays_) relay->close();
}

void Multiplexer::open(Channel channel, Socket socket) {
  LineProtocol::StreamId stream = protocol_.open(channel);
  auto relay = std::make_shared<Relay>(*this, stream, std::move(socket), channel == kControl);
  relays_[stream] = relay;
  relay->read();
  write();
}

void Multiplexer::on_hello(std::string_view greeting) {
  for (auto& [stream, relay] : relays_) relay->read();
  if (greeted_) greeted_(greeting);
}

void Multiplexer::on_open(LineProtocol::StreamId stream, std::uint8_t channel) {
  try {
    auto connector = connectors_.find(channel);
    if (connector == connectors_.end()) throw base::Error("no such channel");
    auto relay = std::make_shared<Relay>(*this, stream, connector->second(), channel == kControl);
    relays_[stream] = relay;
    relay->read();
  } catch (const base::Error&) {
    // The one who opened it sees its connection reset, as where nobody listens.
    protocol_.reset(stream);
  }
}

void Multiplexer::on_data(LineProtocol::StreamId stream, std::string_view data) {
  auto found = relays_.find(stream);
  if (found != relays_.end()) std::shared_ptr<Relay>(found->second)->write(data);
}

void Multiplexer::on_end(LineProtocol::StreamId stream) {
  auto found = relays_.find(stream);
  if (found != relays_.end()) std::shared_ptr<Relay>(found->second)->end_output();
}

void Multiplexer::on_reset(LineProtocol::StreamId stream) {
  auto found = relays_.find(stream);
  if (found == relays_.end()) return;
  std::shared_ptr<Relay> relay = found->second;
  relays_.erase(found);
  relay->close_when_written();
}

void Multiplexer::on_credit(LineProtocol::StreamId stream) {
  auto found = relays_.find(stream);
  if (found != relays_.end()) std::shared_ptr<Relay>(found->second)->read();
}

void Multiplexer::read() {
  line_.async_read_some(asio::buffer(input_), [this, alive = alive_](error_code error, std::size_t count) {
    if (!*alive || error == asio::error::operation_aborted) return;
    if (error) return fail(error == asio::error::eof ? "it was closed" : error.message());
    try {
      protocol_.receive(std::string_view(input_.data(), count));
    } catch (const base::Error& garbled) {
      return fail(garbled.what());
    }
    write();
    read();
  });
}

void Multiplexer::write() {
  if (writing_ || !line_.is_open()) return;
  output_ = protocol_.take_output();
  if (output_.empty()) return;
  writing_ = true;
  asio::async_write(line_, asio::buffer(output_), [this, alive = alive_](error_code error, std::size_t) {
    if (!*alive || error == asio::error::operation_aborted) return;
    writing_ = false;
    if (error) return fail(error.message());
    write();
  });
}

void Multiplexer::fail(const std::string& why) {
  error_code ignored;
  line_.close(ignored);
  for (auto& [stream, relay] : relays_) relay->close();
  relays_.clear();
  if (Failed failed = std::exchange(failed_, nullptr)) failed(why);
}

}  // namespace kernel
