// The protocol of the multiplexer, without any input or output: many byte streams over one serial line.
//
// A frame is a header of 14 bytes, all numbers big-endian, and up to 65535 bytes of payload:
//   magic "LM" | type u8 | channel u8 | stream u32 | payload length u16 | CRC-32 of the ten bytes before and the
//   payload
// Types: hello (once, first; what this side takes), open, data, end (half-close), reset, credit (u32 more bytes of the
// stream may be sent), acknowledge (u32 bytes of the line read so far, modulo 2^32).
//
// Credit is counted twice: per stream, so that a reader who stalls holds up nobody else; and towards the guest for the
// line as a whole, since user-mode Linux's serial line goes deaf for good once about 4 KB wait unread in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

namespace kernel {

// What a side takes, told to the other in its hello.
struct LineLimits {
  // Bytes of the line, headers included, that the other side may have sent and not seen acknowledged; 0 for any number.
  std::uint32_t line_window = 0;
  // Bytes of one stream that the other side may have sent and not been credited for.
  std::uint32_t stream_window = 256 * 1024;
  // Payload of a frame at most: what a control frame may have to wait for.
  std::uint32_t frame_payload = 16 * 1024;
};

// The guest's: 3 KiB were clean at every size and with readers stalled for seconds, 4 KiB were not.
inline constexpr LineLimits kGuestLimits{3 * 1024, 64 * 1024, 1024};
inline constexpr LineLimits kHostLimits{0, 256 * 1024, 16 * 1024};

class LineProtocol {
 public:
  using StreamId = std::uint32_t;
  enum class Side { kHost, kGuest };

  // What the other side did. Called from receive(); may call back into the protocol.
  class Events {
   public:
    virtual ~Events() = default;
    // What the other side is to be told in the hello, besides the limits.
    virtual std::string greeting() { return {}; }
    virtual void on_hello(std::string_view greeting) = 0;
    virtual void on_open(StreamId stream, std::uint8_t channel) = 0;
    virtual void on_data(StreamId stream, std::string_view data) = 0;
    virtual void on_end(StreamId stream) = 0;
    virtual void on_reset(StreamId stream) = 0;
    // sendable() has grown.
    virtual void on_credit(StreamId stream) = 0;
  };

  LineProtocol(Side side, LineLimits limits, Events& events);

  // Bytes of the line. Throws base::Error where they are no frames: the line cannot be used then. What precedes the
  // other side's hello is skipped.
  void receive(std::string_view bytes);

  // A stream of one's own. CHANNEL says what it is to be connected to.
  StreamId open(std::uint8_t channel);
  // Bytes that send() takes now.
  std::size_t sendable(StreamId stream) const;
  void send(StreamId stream, std::string_view data);
  // Nothing more will be sent; what was, still is.
  void end(StreamId stream);
  // Both directions, at once, what is queued lost.
  void reset(StreamId stream);
  // SIZE bytes that on_data brought have gone where they belong.
  void consumed(StreamId stream, std::size_t size);

  // Bytes for the line: control frames first, then the streams in turn. Empty where there is nothing that may be sent
  // now.
  std::string take_output();

  bool greeted() const { return greeted_; }
  std::size_t stream_count() const { return streams_.size(); }

 private:
  enum class Type : std::uint8_t { kHello = 1, kOpen, kData, kEnd, kReset, kCredit, kAcknowledge };
  struct Stream {
    std::uint32_t credit = 0;     // bytes that may still be sent
    std::string queue;            // taken by send(), not yet on the line
    bool ending = false;          // end() was called
    bool ended = false;           // … and the end is on the line
    bool other_ended = false;     // the other side's end has come
    std::uint32_t to_credit = 0;  // consumed, not yet told
  };

  void handle(Type type, std::uint8_t channel, StreamId stream, std::string_view payload);
  std::string hello(std::string_view greeting) const;
  void handle_hello(std::string_view payload);
  bool read_frame();
  void skip_to_frame();
  std::string frame(Type type, std::uint8_t channel, StreamId stream, std::string_view payload) const;
  void control(Type type, std::uint8_t channel, StreamId stream, std::string_view payload = {});
  void send_credit(StreamId id, Stream& stream);
  bool append_control(std::string& output);
  bool append_data(std::string& output);
  std::size_t line_budget() const;
  void forget_if_done(StreamId id);

  Side side_;
  LineLimits limits_;
  LineLimits other_;
  Events& events_;
  bool greeted_ = false;
  StreamId next_stream_;
  std::map<StreamId, Stream> streams_;
  StreamId last_served_ = 0;
  std::deque<std::string> controls_;
  std::string input_;
  std::uint32_t received_ = 0;
  bool acknowledgement_due_ = false;
  std::uint32_t sent_ = 0;
  std::uint32_t acknowledged_ = 0;
};

}  // namespace kernel
