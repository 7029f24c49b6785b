#include "labctl/supervisor/output_log.h"

#include <array>
#include <boost/asio/buffer.hpp>

namespace supervisor {

struct OutputLog::Source {
  Source(boost::asio::io_context& loop, int descriptor) : stream(loop, descriptor) {}
  boost::asio::posix::stream_descriptor stream;
  std::array<char, 16384> buffer;
};

void OutputLog::read_from(boost::asio::io_context& loop, base::FileDescriptor source) {
  read_more(std::make_shared<Source>(loop, source.release()));
}

void OutputLog::read_more(const std::shared_ptr<Source>& source) {
  source->stream.async_read_some(boost::asio::buffer(source->buffer),
                                 [self = shared_from_this(), source](boost::system::error_code failure, size_t count) {
                                   if (failure) return;
                                   self->append({source->buffer.data(), count});
                                   self->read_more(source);
                                 });
}

void OutputLog::append(std::string_view text) {
  text_.append(text);
  if (text_.size() > kept_bytes) cut();
  auto followers = followers_;
  for (auto& [number, follower] : followers) follower(text);
  if (on_line_) tell_lines(text);
}

// To a half, so that the cost of cutting is spread; at the beginning of a line, where there is one.
void OutputLog::cut() {
  size_t excess = text_.size() - kept_bytes / 2;
  size_t end_of_line = text_.find('\n', excess);
  text_.erase(0, end_of_line == std::string::npos ? excess : end_of_line + 1);
}

void OutputLog::tell_lines(std::string_view text) {
  for (char character : text) {
    if (character == '\n') {
      on_line_(line_);
      line_.clear();
    } else if (line_.size() < longest_line) {
      line_ += character;
    }
  }
}

std::uint64_t OutputLog::follow(Follower follower) {
  followers_[next_follower_] = std::move(follower);
  return next_follower_++;
}

}  // namespace supervisor
