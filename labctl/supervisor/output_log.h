// What a process wrote, kept up to a limit, and told to those who follow it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/file_descriptor.h"

namespace supervisor {

class OutputLog : public std::enable_shared_from_this<OutputLog> {
 public:
  static constexpr size_t kept_bytes = 1 << 20;
  static constexpr size_t longest_line = 64 * 1024;

  // Reads SOURCE until its end.
  void read_from(boost::asio::io_context& loop, base::FileDescriptor source);
  void append(std::string_view text);

  const std::string& text() const { return text_; }
  using Follower = std::function<void(std::string_view)>;
  std::uint64_t follow(Follower follower);
  void unfollow(std::uint64_t follower) { followers_.erase(follower); }
  // Called for each whole line, from now on; what is beyond longest_line is left out.
  void on_line(std::function<void(const std::string&)> callback) { on_line_ = std::move(callback); }

 private:
  struct Source;
  void cut();
  void tell_lines(std::string_view text);
  void read_more(const std::shared_ptr<Source>& source);

  std::string text_;
  std::string line_;
  std::map<std::uint64_t, Follower> followers_;
  std::uint64_t next_follower_ = 1;
  std::function<void(const std::string&)> on_line_;
};

}  // namespace supervisor
