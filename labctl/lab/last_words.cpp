#include "labctl/lab/last_words.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "lib/base/file_descriptor.h"

namespace lab {
namespace {

constexpr std::size_t kLines = 10;
constexpr off_t kBytes = 4096;

std::string end_of_file(const std::string& path) {
  base::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return {};
  off_t size = ::lseek(file.get(), 0, SEEK_END);
  ::lseek(file.get(), std::max<off_t>(0, size - kBytes), SEEK_SET);
  std::string text = base::read_all(file.get());
  if (size > kBytes) text.erase(0, text.find('\n') + 1);
  return text;
}

}  // namespace

std::string last_words(const LabFolder& folder) {
  std::vector<std::string> lines;
  std::istringstream text(end_of_file(folder.lab_log()));
  for (std::string line; std::getline(text, line);) {
    if (!line.empty()) lines.push_back("  " + line);
  }
  std::string words;
  for (std::size_t i = lines.size() - std::min(kLines, lines.size()); i < lines.size(); ++i) {
    words += (words.empty() ? "" : "\n") + lines[i];
  }
  return words;
}

}  // namespace lab
