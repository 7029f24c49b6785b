#include "lib/packets/pcapng.h"

#include <cstring>
#include <functional>

#include "lib/base/error.h"

namespace packets {
namespace {

// Section 11.1 of the draft.
enum BlockType : std::uint32_t {
  kSectionHeader = 0x0a0d0d0a,
  kInterfaceDescription = 1,
  kInterfaceStatistics = 5,
  kEnhancedPacket = 6
};

// Section 3.5, and those of each block's own section.
enum Option : std::uint16_t {
  kEnd = 0,
  kComment = 1,
  kSectionOperatingSystem = 3,
  kSectionApplication = 4,
  kInterfaceName = 2,
  kInterfaceDescriptionText = 3,
  kInterfaceResolution = 9,
  kInterfaceFilter = 11,
  kInterfaceOperatingSystem = 12,
  kStatisticsReceived = 4,
  kStatisticsDropped = 5
};

constexpr std::uint32_t kByteOrder = 0x1a2b3c4d;
// What a block has beside its body: its type, and its length twice.
constexpr std::size_t kFrame = 12;
constexpr std::uint32_t kLongestBlock = 16 * 1024 * 1024;

std::size_t padded(std::size_t length) {
  return (length + 3) & ~std::size_t{3};
}

class BlockWriter {
 public:
  template <class Number>
  BlockWriter& number(Number value) {
    body_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  // Section 4.3: the upper half first, whatever the byte order.
  BlockWriter& time(std::uint64_t value) {
    return number(static_cast<std::uint32_t>(value >> 32)).number(static_cast<std::uint32_t>(value));
  }
  BlockWriter& bytes(std::string_view data) {
    body_ += data;
    body_.resize(padded(body_.size()));
    return *this;
  }
  BlockWriter& option(Option code, std::string_view value) {
    if (value.empty()) return *this;
    value = value.substr(0, 0xffff);
    return number(static_cast<std::uint16_t>(code)).number(static_cast<std::uint16_t>(value.size())).bytes(value);
  }
  BlockWriter& option(Option code, std::uint64_t value) {
    return option(code, std::string_view(reinterpret_cast<const char*>(&value), sizeof value));
  }
  std::string finish(BlockType type) {
    if (type != kEnhancedPacket) number(std::uint32_t{kEnd});
    auto length = static_cast<std::uint32_t>(body_.size() + kFrame);
    std::string block;
    block.reserve(length);
    auto put = [&](std::uint32_t value) { block.append(reinterpret_cast<const char*>(&value), sizeof value); };
    put(type);
    put(length);
    block += body_;
    put(length);
    return block;
  }

 private:
  std::string body_;
};

class BodyReader {
 public:
  explicit BodyReader(std::string_view body) : rest_(body) {}

  std::string_view bytes(std::size_t length) {
    if (length > rest_.size()) throw base::Error("read pcapng: a block is shorter than what is in it");
    std::string_view taken = rest_.substr(0, length);
    rest_.remove_prefix(std::min(padded(length), rest_.size()));
    return taken;
  }
  template <class Number>
  Number number() {
    if (sizeof(Number) > rest_.size()) throw base::Error("read pcapng: a block is shorter than what is in it");
    Number value;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::uint64_t time() {
    std::uint64_t upper = number<std::uint32_t>();
    return upper << 32 | number<std::uint32_t>();
  }
  void options(const std::function<void(std::uint16_t, std::string_view)>& each) {
    while (rest_.size() >= 4) {
      auto code = number<std::uint16_t>();
      auto length = number<std::uint16_t>();
      if (code == kEnd) return;
      each(code, bytes(length));
    }
  }

 private:
  std::string_view rest_;
};

Section read_section(BodyReader body) {
  if (body.number<std::uint32_t>() != kByteOrder) throw base::Error("read pcapng: of another byte order");
  body.bytes(12);  // the version, and the section's length, which is not known while it is written
  Section section;
  body.options([&](std::uint16_t code, std::string_view value) {
    if (code == kComment) section.comment = value;
    if (code == kSectionOperatingSystem) section.operating_system = value;
    if (code == kSectionApplication) section.application = value;
  });
  return section;
}

Interface read_interface(BodyReader body) {
  Interface interface;
  interface.link_type = body.number<std::uint16_t>();
  body.number<std::uint16_t>();
  interface.snap_length = body.number<std::uint32_t>();
  body.options([&](std::uint16_t code, std::string_view value) {
    if (code == kInterfaceName) interface.name = value;
    if (code == kInterfaceDescriptionText) interface.description = value;
    if (code == kInterfaceOperatingSystem) interface.operating_system = value;
    if (code == kInterfaceFilter && !value.empty()) interface.filter = value.substr(1);
  });
  return interface;
}

Packet read_packet(BodyReader body) {
  Packet packet;
  packet.interface = body.number<std::uint32_t>();
  packet.time = body.time();
  auto length = body.number<std::uint32_t>();
  packet.original_length = body.number<std::uint32_t>();
  packet.data = body.bytes(length);
  return packet;
}

Statistics read_statistics(BodyReader body) {
  Statistics statistics;
  statistics.interface = body.number<std::uint32_t>();
  statistics.time = body.time();
  body.options([&](std::uint16_t code, std::string_view value) {
    if (value.size() != sizeof(std::uint64_t)) return;
    if (code == kStatisticsReceived) std::memcpy(&statistics.received, value.data(), value.size());
    if (code == kStatisticsDropped) std::memcpy(&statistics.dropped, value.data(), value.size());
  });
  return statistics;
}

std::uint32_t number_at(std::string_view data, std::size_t offset) {
  std::uint32_t value;
  std::memcpy(&value, data.data() + offset, sizeof value);
  return value;
}

}  // namespace

std::string to_pcapng(const Section& section) {
  return BlockWriter()
      .number(kByteOrder)
      .number(std::uint16_t{1})
      .number(std::uint16_t{0})
      .number(std::int64_t{-1})
      .option(kComment, section.comment)
      .option(kSectionOperatingSystem, section.operating_system)
      .option(kSectionApplication, section.application)
      .finish(kSectionHeader);
}

std::string to_pcapng(const Interface& interface) {
  BlockWriter block;
  block.number(interface.link_type).number(std::uint16_t{0}).number(interface.snap_length);
  block.option(kInterfaceName, interface.name).option(kInterfaceDescriptionText, interface.description);
  block.option(kInterfaceResolution, std::string_view("\x09"));  // 10^-9 s
  // A leading 0 says that it is an expression of libpcap.
  if (!interface.filter.empty()) block.option(kInterfaceFilter, std::string(1, '\0') + interface.filter);
  block.option(kInterfaceOperatingSystem, interface.operating_system);
  return block.finish(kInterfaceDescription);
}

std::string to_pcapng(const Packet& packet) {
  return BlockWriter()
      .number(packet.interface)
      .time(packet.time)
      .number(static_cast<std::uint32_t>(packet.data.size()))
      .number(packet.original_length)
      .bytes(packet.data)
      .finish(kEnhancedPacket);
}

std::string to_pcapng(const Statistics& statistics) {
  return BlockWriter()
      .number(statistics.interface)
      .time(statistics.time)
      .option(kStatisticsReceived, statistics.received)
      .option(kStatisticsDropped, statistics.dropped)
      .finish(kInterfaceStatistics);
}

std::optional<std::string_view> BlockReader::next_raw() {
  std::string_view rest = std::string_view(buffer_).substr(at_);
  if (rest.size() < kFrame) return std::nullopt;
  std::uint32_t length = number_at(rest, 4);
  if (length < kFrame || length % 4 != 0 || length > kLongestBlock) throw base::Error("read pcapng: it is none");
  if (rest.size() < length) return std::nullopt;
  at_ += length;
  return rest.substr(0, length);
}

std::optional<Block> BlockReader::next() {
  while (std::optional<std::string_view> raw = next_raw()) {
    BodyReader body(raw->substr(8, raw->size() - kFrame));
    switch (number_at(*raw, 0)) {
      case kSectionHeader:
        return read_section(body);
      case kInterfaceDescription:
        return read_interface(body);
      case kEnhancedPacket:
        return read_packet(body);
      case kInterfaceStatistics:
        return read_statistics(body);
    }
  }
  buffer_.erase(0, std::exchange(at_, 0));
  return std::nullopt;
}

}  // namespace packets
