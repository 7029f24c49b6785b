#include "lib/packets/pcapng.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

#include "lib/base/error.h"
#include "lib/base/run.h"

namespace packets {
namespace {

// An ARP request of 10.0.0.1 for 10.0.0.2 (RFC 826).
const std::string arp_request(
    "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x08\x06\0\x01\x08\0\x06\x04\0\x01\x02\0\0\0\0\x01\x0a\0\0\x01\0\0\0\0\0\0"
    "\x0a\0\0\x02",
    42);
constexpr std::uint64_t noon = 1'700'000'000'123'456'789;

Interface interface(const std::string& name) {
  Interface interface;
  interface.name = name;
  interface.description = "link lan of node ds";
  interface.filter = "arp";
  interface.operating_system = "Linux 6.1";
  interface.snap_length = 96;
  return interface;
}

std::string stream() {
  return to_pcapng(Section{"Linux 6.1", "labctl", "a comment"}) + to_pcapng(interface("ds:lan")) +
         to_pcapng(interface("rs1:lan")) + to_pcapng(Packet{0, noon, 42, arp_request}) +
         to_pcapng(Packet{1, noon + 1, 1500, arp_request.substr(0, 41)}) + to_pcapng(Statistics{1, noon + 2, 7, 3});
}

std::vector<Block> read(BlockReader& reader) {
  std::vector<Block> blocks;
  while (std::optional<Block> block = reader.next()) blocks.push_back(std::move(*block));
  return blocks;
}

TEST(Pcapng, IsReadAsItWasWrittenInWhateverPiecesItComes) {
  for (std::size_t piece : {std::size_t{1}, std::size_t{7}, stream().size()}) {
    BlockReader reader;
    std::vector<Block> blocks;
    for (std::size_t at = 0; at < stream().size(); at += piece) {
      reader.add(stream().substr(at, piece));
      for (Block& block : read(reader)) blocks.push_back(std::move(block));
    }
    ASSERT_EQ(blocks.size(), 6u);
    EXPECT_EQ(std::get<Section>(blocks[0]).operating_system, "Linux 6.1");
    EXPECT_EQ(std::get<Section>(blocks[0]).application, "labctl");
    EXPECT_EQ(std::get<Section>(blocks[0]).comment, "a comment");
    EXPECT_EQ(std::get<Interface>(blocks[2]).name, "rs1:lan");
    EXPECT_EQ(std::get<Interface>(blocks[2]).filter, "arp");
    EXPECT_EQ(std::get<Interface>(blocks[2]).snap_length, 96u);
    EXPECT_EQ(std::get<Packet>(blocks[3]).time, noon);
    EXPECT_EQ(std::get<Packet>(blocks[3]).data, arp_request);
    EXPECT_EQ(std::get<Packet>(blocks[4]).interface, 1u);
    EXPECT_EQ(std::get<Packet>(blocks[4]).original_length, 1500u);
    EXPECT_EQ(std::get<Packet>(blocks[4]).data.size(), 41u);
    EXPECT_EQ(std::get<Statistics>(blocks[5]).received, 7u);
    EXPECT_EQ(std::get<Statistics>(blocks[5]).dropped, 3u);
  }
}

TEST(Pcapng, WhatIsNoneIsRefused) {
  BlockReader text, cut;
  text.add("GET / HTTP/1.1\r\n\r\n");
  EXPECT_THROW(text.next(), base::Error);
  // A packet that claims more bytes than its block has.
  std::string block = to_pcapng(Packet{0, noon, 42, arp_request});
  block[20] = '\x7f';
  cut.add(block);
  EXPECT_THROW(cut.next(), base::Error);
}

class Tshark : public testing::Test {
 protected:
  void SetUp() override {
    if (base::run_command({"sh", "-c", "command -v tshark"}).exit_code != 0) GTEST_SKIP() << "tshark is not installed";
  }
  // What tshark says of FIELDS of each packet.
  static std::string fields(const std::vector<std::string>& fields) {
    std::vector<std::string> command{"tshark", "-r", "-", "-T", "fields"};
    for (const std::string& field : fields) command.insert(command.end(), {"-e", field});
    return base::run_checked(command, stream());
  }
};

TEST_F(Tshark, ReadsWhatWeWrite) {
  EXPECT_EQ(fields({"frame.interface_name", "frame.time_epoch", "frame.len", "frame.cap_len", "arp.dst.proto_ipv4"}),
            "ds:lan\t1700000000.123456789\t42\t42\t10.0.0.2\n"
            "rs1:lan\t1700000000.123456790\t1500\t41\t\n");
}

TEST_F(Tshark, CapinfosKnowsInterfacesAndComments) {
  std::string path = testing::TempDir() + "labctl-pcapng-test.pcapng";
  std::ofstream(path, std::ios::binary) << stream();
  std::string said = base::run_checked({"capinfos", path});
  ::unlink(path.c_str());
  for (const char* line : {"a comment", "Number of interfaces in file: 2", "Name = rs1:lan", "Filter string = arp",
                           "Operating system = Linux 6.1", "nanosecond", "Capture length = 96"}) {
    EXPECT_THAT(said, testing::HasSubstr(line));
  }
}

}  // namespace
}  // namespace packets
