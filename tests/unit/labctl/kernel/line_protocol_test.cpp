#include "labctl/kernel/line_protocol.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>

#include "lib/base/error.h"

namespace {

using kernel::LineProtocol;
using Side = LineProtocol::Side;

// One side of the line, with what it has been told. DRAINS: consumes at once what comes, as a reader who keeps up does.
struct End : LineProtocol::Events {
  End(Side side, kernel::LineLimits limits) : protocol(side, limits, *this) {}

  std::string greeting() override { return words; }
  void on_hello(std::string_view greeting) override {
    ++hellos;
    greeted_with = greeting;
  }
  void on_open(LineProtocol::StreamId stream, std::uint8_t channel) override { opened[stream] = channel; }
  void on_data(LineProtocol::StreamId stream, std::string_view data) override {
    received[stream].append(data);
    if (stalled.count(stream) == 0) protocol.consumed(stream, data.size());
  }
  void on_end(LineProtocol::StreamId stream) override { ++ends[stream]; }
  void on_reset(LineProtocol::StreamId stream) override { ++resets[stream]; }
  void on_credit(LineProtocol::StreamId) override {}

  LineProtocol protocol;
  std::string words;
  std::string greeted_with;
  int hellos = 0;
  std::map<LineProtocol::StreamId, int> opened;
  std::map<LineProtocol::StreamId, std::string> received;
  std::map<LineProtocol::StreamId, int> stalled;
  std::map<LineProtocol::StreamId, int> ends;
  std::map<LineProtocol::StreamId, int> resets;
};

// The serial line of user-mode Linux as it was measured: towards the guest it goes deaf for good once more than about 4
// KB wait unread.
class Line {
 public:
  static constexpr std::size_t kDeafAbove = 4096;

  void write_to_guest(const std::string& bytes) {
    to_guest_ += bytes;
    if (to_guest_.size() > kDeafAbove) deaf_ = true;
    largest_ = std::max(largest_, to_guest_.size());
  }
  std::string read_in_guest(std::size_t size) {
    if (deaf_) return {};
    std::string bytes = to_guest_.substr(0, size);
    to_guest_.erase(0, bytes.size());
    return bytes;
  }
  bool deaf() const { return deaf_; }
  std::size_t largest() const { return largest_; }

 private:
  std::string to_guest_;
  std::size_t largest_ = 0;
  bool deaf_ = false;
};

struct LineProtocolTest : testing::Test {
  End host{Side::kHost, kernel::kHostLimits};
  End guest{Side::kGuest, kernel::kGuestLimits};
  Line line;
  // How much the guest reads at once; the line's buffer is read when the guest gets round to it.
  std::size_t guest_reads = 4096;

  // True while anything moved.
  bool step() {
    bool moved = false;
    for (std::string output; !(output = guest.protocol.take_output()).empty(); moved = true) {
      host.protocol.receive(output);
    }
    for (std::string output; !(output = host.protocol.take_output()).empty(); moved = true) line.write_to_guest(output);
    std::string bytes = line.read_in_guest(guest_reads);
    if (!bytes.empty()) {
      guest.protocol.receive(bytes);
      moved = true;
    }
    return moved;
  }
  void run() {
    while (step()) {
    }
  }
  // Sends all of DATA from FROM, as credit allows.
  void pump(End& from, LineProtocol::StreamId stream, const std::string& data) {
    std::size_t sent = 0;
    while (sent < data.size()) {
      std::size_t size = std::min(from.protocol.sendable(stream), data.size() - sent);
      from.protocol.send(stream, std::string_view(data).substr(sent, size));
      sent += size;
      ASSERT_TRUE(step() || size > 0) << "stuck after " << sent << " bytes";
    }
    run();
  }
  std::string random_bytes(std::size_t size) {
    std::mt19937 random(7);
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
  }
};

TEST_F(LineProtocolTest, HostIsSilentUntilTheGuestHasSpoken) {
  host.protocol.open(0);
  EXPECT_EQ(host.protocol.take_output(), "");
  run();
  EXPECT_EQ(host.hellos, 1);
  EXPECT_EQ(guest.hellos, 1);
}

TEST_F(LineProtocolTest, TheHostsGreetingReachesTheGuest) {
  host.words = "twelve o'clock";
  run();
  EXPECT_EQ(guest.greeted_with, "twelve o'clock");
}

TEST_F(LineProtocolTest, WordsOfABootingKernelBeforeTheHelloAreSkipped) {
  host.protocol.receive("Booting LM something\r\nL");
  run();
  EXPECT_TRUE(host.protocol.greeted());
}

TEST_F(LineProtocolTest, BytesArriveUnchangedInBothDirections) {
  run();
  std::string data = random_bytes(300000);
  auto stream = host.protocol.open(3);
  run();
  EXPECT_EQ(guest.opened.at(stream), 3);
  pump(host, stream, data);
  pump(guest, stream, data);
  EXPECT_EQ(guest.received[stream], data);
  EXPECT_EQ(host.received[stream], data);
}

TEST_F(LineProtocolTest, NeverMoreThanThreeKiBWaitUnreadInTheGuest) {
  run();
  guest_reads = 100;
  auto one = host.protocol.open(0), two = host.protocol.open(0);
  run();
  std::string data = random_bytes(60000);
  host.protocol.send(one, data);
  host.protocol.send(two, data);
  run();
  EXPECT_FALSE(line.deaf());
  EXPECT_LE(line.largest(), 3 * 1024u);
  EXPECT_EQ(guest.received[one], data);
  EXPECT_EQ(guest.received[two], data);
}

TEST_F(LineProtocolTest, AStalledReaderHoldsUpNobodyElse) {
  run();
  auto stalled = host.protocol.open(0), lively = host.protocol.open(0);
  guest.stalled[stalled] = 1;
  run();
  while (host.protocol.sendable(stalled) > 0) {
    host.protocol.send(stalled, std::string(host.protocol.sendable(stalled), 's'));
    run();
  }
  std::string data = random_bytes(500000);
  pump(host, lively, data);
  EXPECT_EQ(guest.received[lively], data);
  EXPECT_EQ(guest.received[stalled].size(), kernel::kGuestLimits.stream_window);
  EXPECT_FALSE(line.deaf());
  // Once it reads again, its stream goes on.
  guest.protocol.consumed(stalled, guest.received[stalled].size());
  run();
  EXPECT_EQ(host.protocol.sendable(stalled), kernel::kGuestLimits.stream_window);
}

TEST_F(LineProtocolTest, AStalledReaderOnTheHostHoldsUpNobodyElse) {
  run();
  auto stalled = host.protocol.open(0), lively = host.protocol.open(0);
  host.stalled[stalled] = 1;
  run();
  guest.protocol.send(stalled, std::string(guest.protocol.sendable(stalled), 's'));
  run();
  EXPECT_EQ(guest.protocol.sendable(stalled), 0u);
  std::string data = random_bytes(2000000);
  pump(guest, lively, data);
  EXPECT_EQ(host.received[lively], data);
}

TEST_F(LineProtocolTest, ControlFramesOvertakeQueuedData) {
  run();
  auto busy = host.protocol.open(0), other = host.protocol.open(0);
  run();
  host.protocol.send(busy, std::string(60000, 'b'));
  host.protocol.reset(other);
  int steps = 0;
  while (guest.resets.count(other) == 0) {
    ASSERT_TRUE(step());
    ++steps;
  }
  EXPECT_LE(steps, 2);
  EXPECT_LT(guest.received[busy].size(), 10000u);
}

TEST_F(LineProtocolTest, AnEndFollowsTheDataBeforeIt) {
  run();
  auto stream = host.protocol.open(0);
  run();
  std::string data = random_bytes(20000);
  host.protocol.send(stream, data);
  host.protocol.end(stream);
  run();
  EXPECT_EQ(guest.received[stream], data);
  EXPECT_EQ(guest.ends[stream], 1);
  // The other half is still open.
  pump(guest, stream, "answer");
  guest.protocol.end(stream);
  run();
  EXPECT_EQ(host.received[stream], "answer");
  EXPECT_EQ(host.ends[stream], 1);
  EXPECT_EQ(host.protocol.stream_count(), 0u);
  EXPECT_EQ(guest.protocol.stream_count(), 0u);
}

TEST_F(LineProtocolTest, FramesThatCrossAResetAreDropped) {
  run();
  auto stream = host.protocol.open(0);
  run();
  guest.protocol.send(stream, "late");
  std::string late = guest.protocol.take_output();
  host.protocol.reset(stream);
  host.protocol.receive(late);
  run();
  EXPECT_EQ(host.received.count(stream), 0u);
  EXPECT_EQ(guest.resets[stream], 1);
}

TEST_F(LineProtocolTest, StreamsOfBothSidesHaveDifferentNumbers) {
  run();
  auto ours = host.protocol.open(0), theirs = guest.protocol.open(1);
  run();
  EXPECT_NE(ours, theirs);
  EXPECT_EQ(host.opened.at(theirs), 1);
}

TEST_F(LineProtocolTest, ADamagedFrameIsNoticed) {
  run();
  auto stream = host.protocol.open(0);
  run();
  guest.protocol.send(stream, "hello");
  std::string bytes = guest.protocol.take_output();
  bytes.back() ^= 1;
  EXPECT_THROW(host.protocol.receive(bytes), base::Error);
}

TEST_F(LineProtocolTest, WhatIsNoFrameIsNoticed) {
  run();
  EXPECT_THROW(host.protocol.receive("Kernel panic - not syncing"), base::Error);
}

TEST_F(LineProtocolTest, BytesMayComeOneByOne) {
  run();
  guest_reads = 1;
  auto stream = host.protocol.open(0);
  pump(host, stream, random_bytes(5000));
  EXPECT_EQ(guest.received[stream], random_bytes(5000));
}

}  // namespace
