#include "labctl/kernel/line_protocol.h"

#include <algorithm>
#include <boost/crc.hpp>

#include "lib/base/error.h"

namespace kernel {
namespace {

constexpr std::size_t kHeaderSize = 14;
constexpr std::uint32_t kVersion = 1;
// What take_output returns at most at once, so that a control frame queued meanwhile need not wait for longer.
constexpr std::size_t kBatchSize = 32 * 1024;
// Of the line's window, kept free of data: credit and resets always get through.
constexpr std::size_t kControlReserve = 256;

void put_number(std::string& data, std::uint32_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) data.push_back(static_cast<char>(number >> shift));
}

std::uint32_t get_number(std::string_view data, std::size_t offset, int bytes) {
  std::uint32_t number = 0;
  for (int i = 0; i < bytes; ++i) number = number << 8 | static_cast<unsigned char>(data[offset + i]);
  return number;
}

std::string number_payload(std::uint32_t number) {
  std::string payload;
  put_number(payload, number, 4);
  return payload;
}

std::uint32_t checksum(std::string_view head, std::string_view payload) {
  boost::crc_32_type crc;
  crc.process_bytes(head.data(), head.size());
  crc.process_bytes(payload.data(), payload.size());
  return crc.checksum();
}

}  // namespace

LineProtocol::LineProtocol(Side side, LineLimits limits, Events& events)
    : side_(side), limits_(limits), events_(events), next_stream_(side == Side::kHost ? 1 : 2) {
  // The host is silent until the guest has spoken: before, nobody reads the line there, and its echo may still be on.
  // The guest's greeting is empty: its owner is not complete yet.
  if (side_ == Side::kGuest) controls_.push_back(hello({}));
}

std::string LineProtocol::hello(std::string_view greeting) const {
  std::string payload = number_payload(kVersion);
  put_number(payload, limits_.line_window, 4);
  put_number(payload, limits_.stream_window, 4);
  put_number(payload, limits_.frame_payload, 4);
  payload.append(greeting);
  return frame(Type::kHello, 0, 0, payload);
}

std::string LineProtocol::frame(Type type, std::uint8_t channel, StreamId stream, std::string_view payload) const {
  std::string data = "LM";
  data.reserve(kHeaderSize + payload.size());
  data.push_back(static_cast<char>(type));
  data.push_back(static_cast<char>(channel));
  put_number(data, stream, 4);
  put_number(data, static_cast<std::uint32_t>(payload.size()), 2);
  put_number(data, checksum(data, payload), 4);
  data.append(payload);
  return data;
}

void LineProtocol::control(Type type, std::uint8_t channel, StreamId stream, std::string_view payload) {
  controls_.push_back(frame(type, channel, stream, payload));
}

void LineProtocol::receive(std::string_view bytes) {
  received_ += static_cast<std::uint32_t>(bytes.size());
  acknowledgement_due_ = limits_.line_window != 0;
  input_.append(bytes);
  if (!greeted_) skip_to_frame();
  while (read_frame()) {
  }
}

// A booting kernel may have left its words on the line.
void LineProtocol::skip_to_frame() {
  const std::string start = std::string("LM") + static_cast<char>(Type::kHello);
  std::size_t found = input_.find(start);
  if (found == std::string::npos) {
    input_.erase(0, input_.size() - std::min(input_.size(), start.size() - 1));
  } else {
    input_.erase(0, found);
  }
}

bool LineProtocol::read_frame() {
  if (input_.size() < kHeaderSize) return false;
  if (input_[0] != 'L' || input_[1] != 'M') {
    throw base::Error("the serial line between host and guest carried something that is no frame");
  }
  std::size_t length = get_number(input_, 8, 2);
  if (input_.size() < kHeaderSize + length) return false;
  std::string data = input_.substr(0, kHeaderSize + length);
  input_.erase(0, data.size());
  std::string_view payload = std::string_view(data).substr(kHeaderSize);
  if (checksum(std::string_view(data).substr(0, 10), payload) != get_number(data, 10, 4)) {
    throw base::Error("the serial line between host and guest damaged a frame");
  }
  handle(static_cast<Type>(data[2]), static_cast<std::uint8_t>(data[3]), get_number(data, 4, 4), payload);
  return true;
}

void LineProtocol::handle_hello(std::string_view payload) {
  if (payload.size() < 16 || get_number(payload, 0, 4) != kVersion) {
    throw base::Error("the guest's labctl speaks another version of the line's protocol");
  }
  other_ = {get_number(payload, 4, 4), get_number(payload, 8, 4), get_number(payload, 12, 4)};
  bool first = !std::exchange(greeted_, true);
  if (first && side_ == Side::kHost) controls_.push_front(hello(events_.greeting()));
  for (auto& [id, stream] : streams_) stream.credit = other_.stream_window;
  events_.on_hello(payload.substr(16));
}

void LineProtocol::handle(Type type, std::uint8_t channel, StreamId id, std::string_view payload) {
  if (type == Type::kHello) return handle_hello(payload);
  if (type == Type::kAcknowledge) {
    acknowledged_ = get_number(payload, 0, 4);
    return;
  }
  if (type == Type::kOpen) {
    streams_[id].credit = other_.stream_window;
    return events_.on_open(id, channel);
  }
  // Frames of a stream that was reset here cross the reset on the line: not an error.
  auto found = streams_.find(id);
  if (found == streams_.end()) return;
  switch (type) {
    case Type::kData:
      return events_.on_data(id, payload);
    case Type::kEnd:
      found->second.other_ended = true;
      events_.on_end(id);
      return forget_if_done(id);
    case Type::kReset:
      streams_.erase(found);
      return events_.on_reset(id);
    case Type::kCredit:
      found->second.credit += get_number(payload, 0, 4);
      return events_.on_credit(id);
    default:
      throw base::Error("the serial line between host and guest carried a frame of unknown type");
  }
}

LineProtocol::StreamId LineProtocol::open(std::uint8_t channel) {
  StreamId id = next_stream_;
  next_stream_ += 2;
  streams_[id].credit = greeted_ ? other_.stream_window : 0;
  control(Type::kOpen, channel, id);
  return id;
}

std::size_t LineProtocol::sendable(StreamId id) const {
  auto found = streams_.find(id);
  if (found == streams_.end() || found->second.ending) return 0;
  const Stream& stream = found->second;
  return stream.credit > stream.queue.size() ? stream.credit - stream.queue.size() : 0;
}

void LineProtocol::send(StreamId id, std::string_view data) {
  auto found = streams_.find(id);
  if (found != streams_.end()) found->second.queue.append(data);
}

void LineProtocol::end(StreamId id) {
  auto found = streams_.find(id);
  if (found != streams_.end()) found->second.ending = true;
}

void LineProtocol::reset(StreamId id) {
  if (streams_.erase(id) != 0) control(Type::kReset, 0, id);
}

void LineProtocol::consumed(StreamId id, std::size_t size) {
  auto found = streams_.find(id);
  if (found == streams_.end()) return;
  Stream& stream = found->second;
  stream.to_credit += static_cast<std::uint32_t>(size);
  if (stream.to_credit >= limits_.stream_window / 4) send_credit(id, stream);
}

void LineProtocol::send_credit(StreamId id, Stream& stream) {
  if (!stream.other_ended) control(Type::kCredit, 0, id, number_payload(stream.to_credit));
  stream.to_credit = 0;
}

std::size_t LineProtocol::line_budget() const {
  if (other_.line_window == 0) return kBatchSize;
  std::uint32_t waiting = sent_ - acknowledged_;
  return waiting < other_.line_window ? other_.line_window - waiting : 0;
}

std::string LineProtocol::take_output() {
  if (!greeted_) {
    // Only the guest's own hello goes out unasked.
    if (side_ == Side::kHost || sent_ != 0) return {};
    std::string hello = std::move(controls_.front());
    controls_.pop_front();
    sent_ += static_cast<std::uint32_t>(hello.size());
    return hello;
  }
  if (std::exchange(acknowledgement_due_, false)) {
    controls_.push_front(frame(Type::kAcknowledge, 0, 0, number_payload(received_)));
  }
  std::string output;
  while (output.size() < kBatchSize && append_control(output)) {
  }
  while (output.size() < kBatchSize && controls_.empty() && append_data(output)) {
  }
  return output;
}

bool LineProtocol::append_control(std::string& output) {
  if (controls_.empty() || controls_.front().size() > line_budget()) return false;
  sent_ += static_cast<std::uint32_t>(controls_.front().size());
  output.append(controls_.front());
  controls_.pop_front();
  return true;
}

// One frame of the next stream, in turn, that has something to send and may.
bool LineProtocol::append_data(std::string& output) {
  std::size_t budget = line_budget();
  std::size_t reserve = other_.line_window == 0 ? 0 : kControlReserve;
  if (budget < reserve + kHeaderSize + 1) return false;
  std::size_t room = std::min<std::size_t>(budget - reserve - kHeaderSize, other_.frame_payload);
  auto next = streams_.upper_bound(last_served_);
  for (std::size_t tried = 0; tried < streams_.size(); ++tried, ++next) {
    if (next == streams_.end()) next = streams_.begin();
    auto& [id, stream] = *next;
    std::size_t size = std::min<std::size_t>({stream.queue.size(), stream.credit, room});
    bool end_due = stream.ending && !stream.ended && stream.queue.empty();
    if (size == 0 && !end_due) continue;
    std::string data = end_due ? frame(Type::kEnd, 0, id, {}) : frame(Type::kData, 0, id, stream.queue.substr(0, size));
    stream.queue.erase(0, size);
    stream.credit -= static_cast<std::uint32_t>(size);
    stream.ended = stream.ended || end_due;
    sent_ += static_cast<std::uint32_t>(data.size());
    output.append(data);
    last_served_ = id;
    forget_if_done(id);
    return true;
  }
  return false;
}

void LineProtocol::forget_if_done(StreamId id) {
  auto found = streams_.find(id);
  if (found != streams_.end() && found->second.ended && found->second.other_ended) streams_.erase(found);
}

}  // namespace kernel
