// An HTTP/1.1 answer, read as it comes (RFC 9112). No more than a test's request needs: one answer a connection.
#pragma once

#include <cstddef>
#include <string>

namespace probe {

class HttpAnswer {
 public:
  // Of the body, LIMIT bytes are kept.
  explicit HttpAnswer(size_t limit) : limit_(limit) {}

  // Takes the next piece; throws RequestFailed where it is no HTTP.
  void feed(const std::string& data);
  // The connection has ended: throws RequestFailed where more was to come.
  void end();
  bool complete() const { return state_ == State::complete; }

  int status() const { return status_; }
  const std::string& body() const { return body_; }
  bool truncated() const { return truncated_; }

 private:
  enum class State { head, sized_body, chunk_size, chunk, chunk_end, trailer, endless_body, complete };
  bool step();
  void read_head(const std::string& head);
  void choose_body(const std::string& head);
  bool read_chunk_size();
  void keep(size_t size);
  // The buffer up to the next line end; false where there is none yet.
  bool take_line(std::string& line);

  size_t limit_;
  State state_ = State::head;
  std::string buffer_;
  size_t left_ = 0;
  int status_ = 0;
  std::string body_;
  bool truncated_ = false;
};

}  // namespace probe
