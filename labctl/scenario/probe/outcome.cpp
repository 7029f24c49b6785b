#include "labctl/scenario/probe/outcome.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace probe {
namespace {

// The length of the UTF-8 sequence at AT (RFC 3629, section 4); 0 where there is none.
size_t sequence_length(const std::string& text, size_t at) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto between = [](unsigned value, unsigned low, unsigned high) { return value >= low && value <= high; };
  unsigned first = byte(at);
  if (first < 0x80) return 1;
  size_t length = between(first, 0xc2, 0xdf) ? 2 : between(first, 0xe0, 0xef) ? 3 : between(first, 0xf0, 0xf4) ? 4 : 0;
  unsigned low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  unsigned high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (length == 0 || !between(byte(at + 1), low, high)) return 0;
  for (size_t i = 2; i < length; ++i) {
    if (!between(byte(at + i), 0x80, 0xbf)) return 0;
  }
  return length;
}

std::string escaped(char character) {
  if (character == '"' || character == '\\') return {'\\', character};
  if (character == '\n') return "\\n";
  if (static_cast<unsigned char>(character) >= 0x20) return {character};
  char text[8];
  std::snprintf(text, sizeof text, "\\u%04x", static_cast<unsigned>(character));
  return text;
}

std::string to_json(const Outcome& outcome) {
  std::string text =
      outcome.failure ? "{\"ok\":false,\"failure\":\"" + to_string(*outcome.failure) + "\"" : "{\"ok\":true";
  auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) text += std::string(",\"") + key + "\":" + json_string(value);
  };
  add("words", outcome.words);
  if (outcome.status != 0) text += ",\"status\":" + std::to_string(outcome.status);
  add("body", outcome.body);
  if (outcome.truncated) text += ",\"truncated\":true";
  add("local", outcome.local);
  add("remote", outcome.remote);
  char milliseconds[32];
  std::snprintf(milliseconds, sizeof milliseconds, "%.3f", outcome.milliseconds);
  return text + ",\"milliseconds\":" + milliseconds + "}";
}

}  // namespace

std::string to_string(Failure failure) {
  switch (failure) {
    case Failure::timeout:
      return "timeout";
    case Failure::refused:
      return "refused";
    case Failure::reset:
      return "reset";
    case Failure::unreachable:
      return "unreachable";
    case Failure::nxdomain:
      return "nxdomain";
    case Failure::nodata:
      return "nodata";
    case Failure::servfail:
      return "servfail";
    case Failure::other:
      break;
  }
  return "other";
}

RequestFailed RequestFailed::system(const std::string& doing, int error_number) {
  RequestFailed failed{Failure::other, doing + ": " + std::strerror(error_number)};
  switch (error_number) {
    case ETIMEDOUT:
      failed.failure = Failure::timeout;
      break;
    case ECONNREFUSED:
      failed.failure = Failure::refused;
      break;
    case ECONNRESET:
    case EPIPE:
      failed.failure = Failure::reset;
      break;
    // What the kernel makes of ICMP's and its own routes' answers (icmp_err_convert, fib_props in the kernel's source).
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
      failed.failure = Failure::unreachable;
      break;
  }
  return failed;
}

std::string json_string(const std::string& text) {
  std::string result = "\"";
  for (size_t at = 0; at < text.size();) {
    size_t length = sequence_length(text, at);
    if (length == 0) result += "\xEF\xBF\xBD";
    if (length == 1) result += escaped(text[at]);
    if (length > 1) result += text.substr(at, length);
    at += length == 0 ? 1 : length;
  }
  return result + "\"";
}

std::string to_json(const std::string& protocol, const std::string& target, const std::vector<Outcome>& outcomes) {
  std::string text =
      "{\"protocol\":" + json_string(protocol) + ",\"target\":" + json_string(target) + ",\"requests\":[";
  for (size_t i = 0; i < outcomes.size(); ++i) text += (i == 0 ? "" : ",") + to_json(outcomes[i]);
  return text + "]}\n";
}

}  // namespace probe
