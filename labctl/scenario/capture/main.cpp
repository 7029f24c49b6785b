// capture: captures packets on the links of the node that it runs in. As a stream of pcapng on standard output until
// SIGINT, or recorded in the node by a process that stays behind, and counted there.

#include <signal.h>

#include <boost/json.hpp>
#include <charconv>
#include <cstdio>
#include <string>
#include <vector>

#include "labctl/scenario/capture/capturing.h"
#include "labctl/scenario/capture/recordings.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace {

const char* const usage =
    "usage: capture stream --node NAME [--filter EXPRESSION] [--snaplen BYTES] [LINK…]\n"
    "       capture record --node NAME [--filter EXPRESSION] [--snaplen BYTES] [--folder FOLDER] [LINK…]\n"
    "       capture count --node NAME [--filter EXPRESSION] [--folder FOLDER] [LINK]\n";

struct BadUsage {};

// Each option has a value.
capture::Options parse(const std::vector<std::string>& words) {
  capture::Options options;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (!words[i].starts_with("--")) {
      options.links.push_back(words[i]);
      continue;
    }
    if (i + 1 == words.size()) throw BadUsage();
    const std::string &option = words[i], &value = words[++i];
    if (option == "--node") {
      options.node = value;
    } else if (option == "--filter") {
      options.filter = value;
    } else if (option == "--folder") {
      options.folder = value;
    } else if (option == "--snaplen") {
      auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), options.snap_length);
      if (failure != std::errc() || *end != '\0') throw BadUsage();
    } else {
      throw BadUsage();
    }
  }
  return options;
}

void run(const std::vector<std::string>& words) {
  if (words.empty()) throw BadUsage();
  capture::Options options = parse(words);
  if (words[0] == "stream") {
    capture::Capturing(options, [](const std::string& blocks) { base::write_all(1, blocks); }).run();
  } else if (words[0] == "record") {
    capture::start_recording(options);
  } else if (words[0] == "count" && options.links.size() < 2) {
    base::write_all(1, boost::json::serialize(capture::count_recorded(options)) + "\n");
  } else {
    throw BadUsage();
  }
}

}  // namespace

int main(int count, char** arguments) {
  ::signal(SIGPIPE, SIG_IGN);
  try {
    run({arguments + 1, arguments + count});
    return 0;
  } catch (const BadUsage&) {
    std::fputs(usage, stderr);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
