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
  // Cut in halves, so that the cost of cutting is spread.
  if (text_.size() > kept_bytes) text_.erase(0, text_.find('\n', text_.size() - kept_bytes / 2) + 1);
  auto followers = followers_;
  for (auto& [number, follower] : followers) follower(text);
  if (!on_line_) return;
  for (char character : text) {
    if (character != '\n') {
      line_ += character;
    } else {
      on_line_(line_);
      line_.clear();
    }
  }
}

std::uint64_t OutputLog::follow(Follower follower) {
  followers_[next_follower_] = std::move(follower);
  return next_follower_++;
}

}  // namespace supervisor
