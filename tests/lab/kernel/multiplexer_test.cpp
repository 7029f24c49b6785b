// The line to a guest, on a real one: it goes deaf for good when it is given more than it takes.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "lib/base/file_descriptor.h"
#include "tests/lab/kernel/test_lab.h"

namespace {

using test_lab::TestLab;

class LineTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::string why = test_lab::obstacle("uml"); !why.empty()) GTEST_SKIP() << why;
    lab.spec.provider = "uml";
    lab.start();
  }

  // Writes until nothing has been taken for a while: all that lies between us and the reader is full.
  std::size_t fill(const base::FileDescriptor& stream) {
    ::fcntl(stream.get(), F_SETFL, O_NONBLOCK);
    const std::string block(65536, 's');
    std::size_t taken = 0;
    for (auto last = std::chrono::steady_clock::now();
         std::chrono::steady_clock::now() - last < std::chrono::milliseconds(500);) {
      ssize_t count = ::write(stream.get(), block.data(), block.size());
      if (count > 0) {
        taken += static_cast<std::size_t>(count);
        last = std::chrono::steady_clock::now();
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    }
    return taken;
  }

  TestLab lab;
};

TEST_F(LineTest, FiftyMegabytesOfInputGoThroughBesideAStalledReader) {
  constexpr std::size_t kMegabyte = 1 << 20, kSize = 50 * kMegabyte;
  base::FileDescriptor stalled = lab.connect("sleep 1000");
  std::size_t taken = fill(stalled);
  EXPECT_LT(taken, 4 * kMegabyte) << "nobody reads it, and still it was taken";
  // One who does not read on the host is no hindrance either.
  base::FileDescriptor unread = lab.connect("cat /dev/zero");
  base::FileDescriptor count = lab.connect("cksum");
  std::string block(kMegabyte, '\0');
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<char>(i * 2654435761U >> 13);
  std::thread writer([&] {
    for (std::size_t sent = 0; sent < kSize; sent += kMegabyte) base::write_all(count.get(), block);
    ::shutdown(count.get(), SHUT_WR);
  });
  // Another call gets through all the while.
  EXPECT_EQ(lab.run("echo lively"), "lively\n");
  writer.join();
  std::string answer = base::read_all(count.get());
  EXPECT_THAT(answer, testing::EndsWith(" " + std::to_string(kSize) + "\n"));
  // The same bytes, made in the guest by itself.
  std::string block_again = lab.run("cat > /tmp/block; for i in $(seq 50); do cat /tmp/block; done | cksum", block);
  EXPECT_EQ(answer, block_again);
}

TEST_F(LineTest, ALargeAnswerComesThrough) {
  std::string answer = lab.run("head -c 30000000 /dev/zero");
  EXPECT_EQ(answer.size(), 30000000u);
  EXPECT_EQ(answer.find_first_not_of('\0'), std::string::npos);
}

}  // namespace
