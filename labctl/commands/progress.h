// What is shown while something takes its time: one line, redrawn, on a terminal; whole lines elsewhere, and few.
#pragma once

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>

#include "labctl/kernel/lab.h"

namespace commands {

// Of a lab's start.
class PhaseProgress {
 public:
  PhaseProgress(std::ostream& out, bool on_terminal) : out_(out), on_terminal_(on_terminal) {}
  ~PhaseProgress() { clear(); }
  PhaseProgress(const PhaseProgress&) = delete;
  PhaseProgress& operator=(const PhaseProgress&) = delete;

  void show(const kernel::Progress& progress);
  // Takes the line off the terminal.
  void clear();

 private:
  std::ostream& out_;
  bool on_terminal_;
  bool drawn_ = false;
};

// Of a copy. Silent but on a terminal, and for what takes less than a second.
class ByteProgress {
 public:
  // TOTAL is 0 where it is not known.
  ByteProgress(std::ostream& out, bool on_terminal, std::string what, std::uint64_t total)
      : out_(out), on_terminal_(on_terminal), what_(std::move(what)), total_(total) {}
  ~ByteProgress();
  ByteProgress(const ByteProgress&) = delete;
  ByteProgress& operator=(const ByteProgress&) = delete;

  void show(std::uint64_t bytes);

 private:
  using Clock = std::chrono::steady_clock;

  std::ostream& out_;
  bool on_terminal_;
  std::string what_;
  std::uint64_t total_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point next_ = start_ + std::chrono::seconds(1);
  bool drawn_ = false;
};

}  // namespace commands
