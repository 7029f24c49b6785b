#include "labctl/commands/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <ctime>

#include "lib/base/utf8.h"

namespace commands {
namespace {

// Of UTF-8: bytes that begin a character.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

void Table::print(std::ostream& out) const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(widths[i] - width(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << "\n";
  }
}

std::string joined(const std::vector<std::string>& words, const std::string& separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

std::string in_words(std::chrono::milliseconds time) {
  auto count = time.count();
  if (count < 10'000) return fmt::format("{:.2f} s", static_cast<double>(count) / 1000);
  if (count < 120'000) return fmt::format("{} s", count / 1000);
  if (count < 120 * 60'000) return fmt::format("{} min", count / 60'000);
  if (count < 48LL * 3600'000) return fmt::format("{} h", count / 3600'000);
  return fmt::format("{} d", count / (24LL * 3600'000));
}

std::string size_in_words(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  if (bytes < 1024 * 1024) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024);
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024 * 1024));
}

std::string age(const std::string& timestamp) {
  std::tm parts{};
  if (::strptime(timestamp.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return "?";
  auto then = std::chrono::system_clock::from_time_t(::timegm(&parts));
  auto passed = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now() - then);
  auto seconds = std::max<long long>(passed.count(), 0);
  return seconds < 10 ? fmt::format("{} s", seconds) : in_words(std::chrono::seconds(seconds));
}

std::string quoted(const std::string& word) {
  auto plain = [](unsigned char c) { return std::isalnum(c) != 0 || std::strchr("-_./:=@%+,", c) != nullptr; };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return word;
  std::string text = "'";
  for (char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

std::string printable(const std::string& text) {
  std::string shown;
  unsigned char before = 0;
  for (char c : base::valid_utf8(text)) {
    auto byte = static_cast<unsigned char>(c);
    bool control = (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f;
    // U+0080 to U+009F, of which U+009B begins an escape sequence as ESC [ does (ECMA-48, 8-bit codes).
    bool control_pair = before == 0xc2 && byte < 0xa0;
    if (control_pair) shown.pop_back();
    shown += control || control_pair ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
    before = byte;
  }
  return shown;
}

}  // namespace commands
