#include "labctl/commands/progress.h"

#include <fmt/format.h>

#include <algorithm>

#include "labctl/commands/output.h"

namespace commands {
namespace {

// Carriage return, erase to the end of the line (ECMA-48 EL).
constexpr const char* kRestart = "\r\x1b[K";
constexpr double kWorthALine = 500;  // milliseconds

}  // namespace

void PhaseProgress::show(const kernel::Progress& progress) {
  std::string text = progress.phase + (progress.message.empty() ? "" : ": " + printable(progress.message));
  if (progress.milliseconds > 0) {
    text += " (" + in_words(std::chrono::milliseconds(static_cast<long long>(progress.milliseconds))) + ")";
  }
  if (!on_terminal_) {
    if (progress.milliseconds >= kWorthALine) out_ << text << "\n" << std::flush;
    return;
  }
  out_ << kRestart << text << std::flush;
  drawn_ = true;
}

void PhaseProgress::clear() {
  if (drawn_) out_ << kRestart << std::flush;
  drawn_ = false;
}

void ByteProgress::show(std::uint64_t bytes) {
  if (!on_terminal_ || Clock::now() < next_) return;
  next_ = Clock::now() + std::chrono::milliseconds(200);
  double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  auto rate = static_cast<std::uint64_t>(static_cast<double>(bytes) / seconds);
  std::string of = total_ == 0 ? "" : " of " + size_in_words(std::max(total_, bytes));
  out_ << kRestart << fmt::format("{}: {}{}, {}/s", what_, size_in_words(bytes), of, size_in_words(rate)) << std::flush;
  drawn_ = true;
}

ByteProgress::~ByteProgress() {
  if (drawn_) out_ << kRestart << std::flush;
}

}  // namespace commands
