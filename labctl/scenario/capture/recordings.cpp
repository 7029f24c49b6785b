#include "labctl/scenario/capture/recordings.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <deque>
#include <filesystem>
#include <map>

#include "labctl/scenario/capture/capturing.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"
#include "lib/packets/filter.h"
#include "lib/packets/words.h"

namespace capture {
namespace {

namespace fs = std::filesystem;

// The node's /run is memory.
constexpr std::uint64_t kLargestFile = 64 * 1024 * 1024;
constexpr std::size_t kShownPackets = 10;
// The recording of all links; no link can have this name, as an interface's has no space.
const char* const kAllLinks = "all links";

std::string recording_of(const Options& options) {
  return options.links.empty() ? kAllLinks : fmt::format("{}", fmt::join(options.links, " "));
}

// Of a pod, whose name has a slash, as well.
fs::path folder_of(const Options& options) {
  std::string node = options.node;
  std::replace(node.begin(), node.end(), '/', '_');
  return fs::path(options.folder) / node;
}

fs::path file_of(const fs::path& folder, const std::string& recording, unsigned number) {
  return folder / fmt::format("{}.{}.pcapng", recording, number);
}

// 0 where there is none.
unsigned latest_of(const fs::path& folder, const std::string& recording) {
  unsigned number = 0;
  while (fs::exists(file_of(folder, recording, number + 1))) ++number;
  return number;
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw base::Error("the name of the recording " + path + " is too long")
        .with_mend("capture fewer links in one step");
  }
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

std::string socket_of(const fs::path& file) {
  return file.string() + ".sock";
}

base::FileDescriptor listen_for_flushes(const fs::path& file) {
  base::FileDescriptor listener(base::check_system("make a socket", ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  sockaddr_un address = address_of(socket_of(file));
  base::check_system("make the socket of " + file.string(),
                     ::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
  base::check_system("listen at the socket of " + file.string(), ::listen(listener.get(), 8));
  return listener;
}

// Returns once what was captured before is in FILE. False where nobody records into it any more.
bool ask(const fs::path& file, Capturing::Request request) {
  base::FileDescriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = address_of(socket_of(file));
  if (::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) return false;
  base::write_all(client.get(), std::string(1, static_cast<char>(request)));
  base::read_all(client.get());
  return true;
}

void flush(const fs::path& file) {
  if (ask(file, Capturing::Request::flush)) return;
  throw base::Error("the recording " + file.string() + " has ended: its link is gone, or it has reached 64 MiB")
      .with_mend("give its capture step a filter, or another link");
}

// The link of "ds:lan".
std::string link_of(const packets::Interface& interface) {
  return interface.name.substr(interface.name.find(':') + 1);
}

class Counter {
 public:
  Counter(std::string link, std::string filter) : link_(std::move(link)), filter_(std::move(filter)) {}

  void read(const fs::path& file) {
    interfaces_.clear();
    packets::BlockReader reader;
    reader.add(base::read_file(file.string()));
    while (std::optional<packets::Block> block = reader.next()) {
      std::visit([&](auto& it) { take(it); }, *block);
    }
  }

  // Throws where the filter takes nothing of any link that is recorded.
  boost::json::object result() {
    bool useless = !filters_.empty() && std::all_of(filters_.begin(), filters_.end(),
                                                    [](const auto& it) { return !it.second.refusal().empty(); });
    if (useless) throw base::Error(filters_.begin()->second.refusal());
    const Seen& shown = matching_.count > 0 ? matching_ : all_;
    // All in one run of tcpdump: in user-mode Linux each start of a program takes tens of milliseconds.
    std::vector<packets::Interface> interfaces;
    std::vector<packets::Packet> last;
    for (const auto& [interface, packet] : shown.last) {
      last.push_back(packet);
      last.back().interface = static_cast<std::uint32_t>(interfaces.size());
      interfaces.push_back(interface);
    }
    std::vector<std::string> lines = packets::in_words(interfaces, last);
    std::uint64_t lost = 0;
    for (const auto& [interface, dropped] : dropped_) lost += dropped;
    return {{"packets", matching_.count},
            {"recorded", all_.count},
            {"lost", lost},
            {"lines", boost::json::array(lines.begin(), lines.end())}};
  }

 private:
  struct Seen {
    std::uint64_t count = 0;
    std::deque<std::pair<packets::Interface, packets::Packet>> last;
  };

  void take(const packets::Section&) {}
  void take(const packets::Statistics& statistics) {
    const packets::Interface& interface = interfaces_.at(statistics.interface);
    if (is_asked_for(interface)) dropped_[interface.name] = statistics.dropped;
  }
  void take(const packets::Interface& interface) {
    interfaces_.push_back(interface);
    if (is_asked_for(interface)) filters_.try_emplace(interface.link_type, filter_, interface.link_type);
  }
  void take(const packets::Packet& packet) {
    const packets::Interface& interface = interfaces_.at(packet.interface);
    if (!is_asked_for(interface)) return;
    add(all_, interface, packet);
    const packets::Filter& filter = filters_.at(interface.link_type);
    if (filter.matches(packet.data, packet.original_length)) add(matching_, interface, packet);
  }
  bool is_asked_for(const packets::Interface& interface) const { return link_.empty() || link_of(interface) == link_; }
  static void add(Seen& seen, const packets::Interface& interface, const packets::Packet& packet) {
    ++seen.count;
    seen.last.emplace_back(interface, packet);
    if (seen.last.size() > kShownPackets) seen.last.pop_front();
  }

  std::string link_, filter_;
  std::vector<packets::Interface> interfaces_;
  std::map<std::string, std::uint64_t> dropped_;  // by interface
  std::map<std::uint16_t, packets::Filter> filters_;
  Seen matching_, all_;
};

// The last recording of LINK, or else that of all links; where LINK is empty, that of all links, or else of each.
std::vector<fs::path> recordings_on(const fs::path& folder, const std::string& link) {
  for (const std::string& recording : {link, std::string(kAllLinks)}) {
    unsigned latest = recording.empty() ? 0 : latest_of(folder, recording);
    if (latest > 0) return {file_of(folder, recording, latest)};
  }
  std::map<std::string, fs::path> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".pcapng" || !link.empty()) continue;
    std::string recording = entry.path().stem().stem().string();
    files[recording] = file_of(folder, recording, latest_of(folder, recording));
  }
  std::vector<fs::path> found;
  for (const auto& [recording, file] : files) found.push_back(file);
  return found;
}

}  // namespace

void start_recording(const Options& options) {
  fs::path folder = folder_of(options);
  fs::create_directories(folder);
  std::string recording = recording_of(options);
  unsigned number = latest_of(folder, recording) + 1;
  fs::path path = file_of(folder, recording, number);
  base::FileDescriptor file = base::open_file(path.string(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0644);
  std::uint64_t written = 0;
  Capturing capturing(options, [&](const std::string& blocks) {
    if (written + blocks.size() > kLargestFile) throw base::Error(path.string() + " is full");
    base::write_all(file.get(), blocks);
    written += blocks.size();
  });
  base::FileDescriptor listener = listen_for_flushes(path);
  pid_t child = base::check_system("start a recording", ::fork());
  // Without closing anything: libpcap would have the kernel take the ring away from both.
  if (child != 0) ::_exit(0);
  ::setsid();
  if (number > 1) ask(file_of(folder, recording, number - 1), Capturing::Request::end);
  base::FileDescriptor nowhere = base::open_file("/dev/null", O_RDWR);
  for (int standard : {0, 1, 2}) ::dup2(nowhere.get(), standard);
  try {
    capturing.run(listener.get());
  } catch (const base::Error&) {
    // Nobody hears it; who asks for the recording finds that it has ended.
  }
  ::_exit(0);
}

boost::json::object count_recorded(const Options& options) {
  std::string link = options.links.empty() ? "" : options.links[0];
  std::vector<fs::path> files = recordings_on(folder_of(options), link);
  if (files.empty()) {
    throw base::Error(fmt::format("nothing is recorded {} any more; what a node records is lost when it is restarted",
                                  link.empty() ? "here" : "on " + link));
  }
  Counter counter(link, options.filter);
  for (const fs::path& file : files) {
    flush(file);
    counter.read(file);
  }
  return counter.result();
}

}  // namespace capture
