#include "lib/packets/words.h"

#include <fmt/format.h>

#include <ctime>
#include <map>

#include "lib/base/error.h"
#include "lib/base/run.h"

namespace packets {
namespace {

std::string time_of_day(std::uint64_t nanoseconds) {
  auto seconds = static_cast<std::time_t>(nanoseconds / 1'000'000'000);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}.{:06}", local.tm_hour, local.tm_min, local.tm_sec,
                     nanoseconds % 1'000'000'000 / 1000);
}

// libpcap reads no file with interfaces of several link types.
std::string file_of_one_interface(std::uint16_t link_type, const std::vector<const Packet*>& packets) {
  Interface interface;
  interface.link_type = link_type;
  std::string file = to_pcapng(Section{}) + to_pcapng(interface);
  for (const Packet* packet : packets) {
    Packet copy = *packet;
    copy.interface = 0;
    file += to_pcapng(copy);
  }
  return file;
}

// One text a packet: what follows a line and is indented belongs to it. Without times, which are written here.
std::vector<std::string> ask_tcpdump(std::uint16_t link_type, const std::vector<const Packet*>& packets) {
  base::RunResult result =
      base::run_command({"tcpdump", "-n", "-t", "-S", "-r", "-"}, file_of_one_interface(link_type, packets));
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < result.output.size();) {
    std::size_t end = std::min(result.output.find('\n', at), result.output.size());
    std::string line = result.output.substr(at, end - at);
    at = end + 1;
    bool continues = !texts.empty() && (line.empty() || line.front() == ' ' || line.front() == '\t');
    continues ? void(texts.back() += "\n" + line) : texts.push_back(std::move(line));
  }
  return texts;
}

std::vector<std::string> texts_of(std::uint16_t link_type, const std::vector<const Packet*>& packets) {
  std::vector<std::string> texts;
  try {
    texts = ask_tcpdump(link_type, packets);
  } catch (const base::Error&) {
    // It is not there.
  }
  if (texts.size() == packets.size()) return texts;
  texts.clear();
  for (const Packet* packet : packets) texts.push_back(fmt::format("{} bytes", packet->original_length));
  return texts;
}

}  // namespace

std::vector<std::string> in_words(const std::vector<Interface>& interfaces, const std::vector<Packet>& packets) {
  std::map<std::uint16_t, std::vector<const Packet*>> by_type;
  for (const Packet& packet : packets) by_type[interfaces.at(packet.interface).link_type].push_back(&packet);
  std::map<const Packet*, std::string> texts;
  for (const auto& [type, some] : by_type) {
    std::vector<std::string> found = texts_of(type, some);
    for (std::size_t i = 0; i < some.size(); ++i) texts[some[i]] = std::move(found[i]);
  }
  std::vector<std::string> lines;
  for (const Packet& packet : packets) {
    lines.push_back(
        fmt::format("{} {} {}", time_of_day(packet.time), interfaces[packet.interface].name, texts[&packet]));
  }
  return lines;
}

}  // namespace packets
