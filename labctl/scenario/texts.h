// Texts as commands have them and as people read them.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "labctl/lab/control.h"
#include "labctl/topology/topology.h"

namespace scenario {

// How long a command of a scenario may take.
inline constexpr std::chrono::seconds command_patience{60};

std::vector<std::string> split_at_spaces(const std::string& text);
// As a shell splits a command line: quotes and backslashes, no expansion. Throws base::Error where a quote is not
// closed.
std::vector<std::string> split_command_line(const std::string& text);

// Whether WORDS stand in LINE, in this order, each a word of its own.
bool has_words_in_order(const std::string& line, const std::vector<std::string>& words);

// Each after a line's end, and of many the first.
std::string one_per_line(const std::vector<std::string>& lines);
// The last lines of TEXT, without empty ones at the end.
std::string last_lines(const std::string& text, std::size_t count);
// TEXT with PREFIX in front of every line.
std::string indented(const std::string& text, const std::string& prefix);
// "0.8 s", "12 ms"
std::string in_words(std::chrono::milliseconds time);
// "exit code 1" and what it wrote.
std::string describe(const lab::CommandResult& result);
// ", never, for 5.0 s": when it is looked at; empty where it is once.
std::string period_words(const topology::Expect& expect);
// Its name, or else what it does: "client reaches http://10.10.0.1:8410/".
std::string describe(const topology::Step& step);

}  // namespace scenario
