// Captured packets as a stream of pcapng blocks (draft-ietf-opsawg-pcapng): written, and read again as written here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace packets {

// What a stream begins with: who captured, and where.
struct Section {
  std::string operating_system;
  std::string application;
  std::string comment;
};

// Interfaces are numbered from 0, in the order in which they stand in the stream.
struct Interface {
  std::string name;  // "ds:lan"
  std::string description;
  std::string filter;
  std::string operating_system;
  std::uint16_t link_type = 1;  // LINKTYPE_…; 1 is Ethernet
  std::uint32_t snap_length = 0;
};

struct Packet {
  std::uint32_t interface = 0;
  std::uint64_t time = 0;             // nanoseconds since 1970
  std::uint32_t original_length = 0;  // on the wire; DATA may be cut
  std::string data;
};

struct Statistics {
  std::uint32_t interface = 0;
  std::uint64_t time = 0;
  std::uint64_t received = 0;  // packets that passed the filter, the dropped ones included
  std::uint64_t dropped = 0;   // by the kernel, as nobody took them in time
};

using Block = std::variant<Section, Interface, Packet, Statistics>;

std::string to_pcapng(const Section& section);
std::string to_pcapng(const Interface& interface);
std::string to_pcapng(const Packet& packet);
std::string to_pcapng(const Statistics& statistics);

// Takes a stream in whatever pieces it comes in.
class BlockReader {
 public:
  void add(std::string_view data) { buffer_ += data; }
  // The next block that is complete; those of other types are passed over. Throws base::Error where it is no pcapng of
  // this machine's byte order.
  std::optional<Block> next();

 private:
  std::optional<std::string_view> next_raw();

  std::string buffer_;
  std::size_t at_ = 0;
};

}  // namespace packets
