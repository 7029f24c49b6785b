#include "labctl/scenario/probe/http_answer.h"

#include <algorithm>
#include <charconv>

#include "labctl/scenario/probe/outcome.h"

namespace probe {
namespace {

constexpr size_t longest_head = size_t{64} * 1024;

[[noreturn]] void refuse(const std::string& what) {
  throw RequestFailed{Failure::other, "the answer is no HTTP: " + what};
}

std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// The value of a header, without the spaces around it, in lower case; empty where the head has none such.
std::string header(const std::string& head, const std::string& name) {
  std::string lines = lower_case(head);
  size_t at = lines.find("\n" + name + ":");
  if (at == std::string::npos) return {};
  size_t begin = lines.find_first_not_of(" \t", at + name.size() + 2);
  size_t end = std::min(lines.find('\n', begin), lines.size());
  std::string value = lines.substr(begin, end - begin);
  return value.substr(0, value.find_last_not_of(" \t\r") + 1);
}

bool parse_size(const std::string& text, int base, size_t& size) {
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), size, base);
  return failure == std::errc() && end != text.data();
}

}  // namespace

void HttpAnswer::feed(const std::string& data) {
  buffer_ += data;
  while (step()) {
  }
  if (state_ == State::head && buffer_.size() > longest_head) refuse("its head does not end");
}

// Whether there may be another step with what the buffer has left.
bool HttpAnswer::step() {
  std::string line;
  switch (state_) {
    case State::head: {
      size_t end = buffer_.find("\r\n\r\n");
      if (end == std::string::npos) return false;
      std::string head = buffer_.substr(0, end + 2);
      buffer_.erase(0, end + 4);
      read_head(head);
      return true;
    }
    case State::sized_body:
    case State::chunk: {
      size_t size = std::min(left_, buffer_.size());
      left_ -= size;
      keep(size);
      if (left_ > 0) return false;
      state_ = state_ == State::chunk ? State::chunk_end : State::complete;
      return true;
    }
    case State::chunk_size:
      return read_chunk_size();
    case State::chunk_end:
      if (!take_line(line)) return false;
      state_ = State::chunk_size;
      return true;
    case State::trailer:
      if (!take_line(line)) return false;
      if (line.empty()) state_ = State::complete;
      return true;
    case State::endless_body:
      keep(buffer_.size());
      return false;
    case State::complete:
      break;
  }
  return false;
}

void HttpAnswer::read_head(const std::string& head) {
  size_t space = head.find(' ');
  size_t status = 0;
  bool good = head.starts_with("HTTP/1.") && space != std::string::npos &&
              parse_size(head.substr(space + 1, 3), 10, status) && status >= 100 && status <= 599;
  if (!good) refuse("it begins with \"" + head.substr(0, std::min<size_t>(head.find('\r'), 40)) + "\"");
  if (status < 200) return;  // an interim answer: the real one follows
  status_ = static_cast<int>(status);
  choose_body(head);
}

// RFC 9112, section 6.3.
void HttpAnswer::choose_body(const std::string& head) {
  std::string length = header(head, "content-length");
  if (status_ == 204 || status_ == 304) {
    state_ = State::complete;
  } else if (header(head, "transfer-encoding").ends_with("chunked")) {
    state_ = State::chunk_size;
  } else if (!length.empty()) {
    if (!parse_size(length, 10, left_)) refuse("its length is \"" + length + "\"");
    state_ = State::sized_body;
  } else {
    state_ = State::endless_body;
  }
}

bool HttpAnswer::read_chunk_size() {
  std::string line;
  if (!take_line(line)) return false;
  if (!parse_size(line, 16, left_)) refuse("a chunk's size is \"" + line + "\"");
  state_ = left_ == 0 ? State::trailer : State::chunk;
  return true;
}

void HttpAnswer::keep(size_t size) {
  size_t kept = std::min(size, limit_ - body_.size());
  truncated_ = truncated_ || kept < size;
  body_.append(buffer_, 0, kept);
  buffer_.erase(0, size);
}

bool HttpAnswer::take_line(std::string& line) {
  size_t end = buffer_.find('\n');
  if (end == std::string::npos) {
    if (buffer_.size() > longest_head) refuse("a line does not end");
    return false;
  }
  line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

void HttpAnswer::end() {
  if (state_ == State::endless_body) state_ = State::complete;
  if (state_ == State::complete) return;
  bool nothing = state_ == State::head && buffer_.empty();
  throw RequestFailed{Failure::other, nothing ? "the connection was closed without an answer"
                                              : "the connection was closed before the answer was complete"};
}

}  // namespace probe
