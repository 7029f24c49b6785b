#include "labctl/lab/exec_streams.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <future>

#include "tests/unit/labctl/lab/fake_lab.h"

namespace lab {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

base::FileDescriptor file_with(const std::string& contents) {
  base::FileDescriptor file(::memfd_create("test", MFD_CLOEXEC));
  base::write_all(file.get(), contents);
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

std::string contents_of(const base::FileDescriptor& file) {
  ::lseek(file.get(), 0, SEEK_SET);
  return base::read_all(file.get());
}

// All bytes there are, and more of them than any buffer holds.
std::string binary(std::size_t size) {
  std::string data(size, '\0');
  unsigned state = 1;
  for (char& c : data) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return data;
}

class ExecStreamsTest : public ::testing::Test {
 protected:
  ExecRequest request(std::vector<std::string> arguments = {"cat"}) {
    ExecRequest request;
    request.node = "a";
    request.arguments = std::move(arguments);
    return request;
  }

  // A command that writes as much as the client takes, until it is told to end.
  static void write_for_ever(const fake::Socket& socket, std::atomic<std::size_t>& written) {
    while (socket->writable() && !socket->closed()) {
      socket->send_binary(fake::on_channel(1, std::string(32768, 'x')));
      written += 32768;
    }
  }

  fake::RuntimeDirectory directory_;
  fake::Lab lab_;
};

TEST_F(ExecStreamsTest, AreBinaryCleanAndApart) {
  lab_.on_websocket = fake::run_here;
  std::string data = binary(2 << 20);
  base::FileDescriptor input = file_with(data), output = file_with(""), error = file_with("");
  ExecResult result = exec_with_streams(lab_.folder(), request({"sh", "-c", "cat; echo no >&2; exit 5"}),
                                        {.input = input.get(), .output = output.get(), .error_output = error.get()});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_TRUE(contents_of(output) == data);
  EXPECT_EQ(contents_of(error), "no\n");
}

TEST_F(ExecStreamsTest, TheEndOfThePipesInputEndsTheCommands) {
  lab_.on_websocket = fake::run_here;
  base::Pipe input = base::make_pipe(), output = base::make_pipe();
  auto running = std::async(std::launch::async, [&] {
    return exec_with_streams(lab_.folder(), request({"wc", "-c"}),
                             {.input = input.read_end.get(), .output = output.write_end.get()});
  });
  base::write_all(input.write_end.get(), "abc");
  EXPECT_EQ(running.wait_for(50ms), std::future_status::timeout) << "its input has not ended";
  input.write_end.reset();
  EXPECT_EQ(running.get().exit_code, 0);
  output.write_end.reset();
  EXPECT_EQ(base::read_all(output.read_end.get()), "3\n");
}

TEST_F(ExecStreamsTest, WithoutInputItHasEndedAtOnce) {
  lab_.on_websocket = fake::run_here;
  ExecResult result = exec_with_streams(lab_.folder(), request({"sh", "-c", "cat; echo said >&2"}), {});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.said, "said\n");
}

TEST_F(ExecStreamsTest, ASharedDescriptorIsNotMadeNonBlocking) {
  lab_.on_websocket = fake::run_here;
  base::Pipe input = base::make_pipe(), output = base::make_pipe();
  input.write_end.reset();
  exec_with_streams(lab_.folder(), request({"true"}),
                    {.input = input.read_end.get(), .output = output.write_end.get()});
  EXPECT_EQ(::fcntl(input.read_end.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(::fcntl(output.write_end.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(ExecStreamsTest, AReaderThatStallsStopsTheCommandNotTheMemory) {
  std::atomic<std::size_t> written = 0;
  std::atomic<bool> stop = false;
  lab_.on_websocket = [&](fake::Socket socket, const base::http::Request&) {
    auto more = [&written, &stop, socket] {
      if (!stop) return write_for_ever(socket, written);
      socket->send_binary(fake::status({{"exit", 0}}));
      socket->close();
    };
    socket->on_writable(more);
    socket->resume();
    more();
  };
  base::Pipe output = base::make_pipe();
  auto running = std::async(std::launch::async, [&] {
    return exec_with_streams(lab_.folder(), request(), {.output = output.write_end.get()});
  });
  // Until nothing moves any more: all buffers between the two are full.
  std::size_t before = 0;
  for (int i = 0; i < 100 && (written == 0 || written != before); ++i) {
    before = written;
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_EQ(written, before);
  EXPECT_LT(written, 4u << 20);
  stop = true;
  std::size_t read = 0;
  char buffer[65536];
  std::thread reader([&] {
    for (ssize_t count; (count = ::read(output.read_end.get(), buffer, sizeof buffer)) > 0;) {
      read += static_cast<std::size_t>(count);
    }
  });
  EXPECT_EQ(running.get().exit_code, 0);
  output.write_end.reset();
  reader.join();
  EXPECT_EQ(read, written) << "what was written before the end has to arrive";
}

TEST_F(ExecStreamsTest, ACommandThatDoesNotReadStopsTheInput) {
  std::promise<fake::Socket> connected;
  lab_.on_websocket = [&](fake::Socket socket, const base::http::Request&) { connected.set_value(socket); };
  base::Pipe input = base::make_pipe();
  ::fcntl(input.write_end.get(), F_SETFL, O_NONBLOCK);
  auto running = std::async(
      std::launch::async, [&] { return exec_with_streams(lab_.folder(), request(), {.input = input.read_end.get()}); });
  fake::Socket socket = connected.get_future().get();
  std::string piece(65536, 'x');
  std::size_t written = 0;
  for (int idle = 0; idle < 10;) {
    ssize_t count = ::write(input.write_end.get(), piece.data(), piece.size());
    idle = count > 0 ? 0 : idle + 1;
    written += count > 0 ? static_cast<std::size_t>(count) : 0;
    if (count <= 0) std::this_thread::sleep_for(10ms);
    ASSERT_LT(written, 4u << 20);
  }
  boost::asio::post(lab_.loop(), [socket] { socket->send_binary(fake::status({{"exit", 0}})); });
  EXPECT_EQ(running.get().exit_code, 0);
}

TEST_F(ExecStreamsTest, AReaderThatGoesAwayEndsTheCommandAsAPipeWould) {
  std::promise<void> gone;
  std::atomic<std::size_t> written = 0;
  lab_.on_websocket = [&](fake::Socket socket, const base::http::Request&) {
    socket->on_writable([&written, socket] { write_for_ever(socket, written); });
    socket->on_closed([&](const std::string&) { gone.set_value(); });
    socket->resume();
    write_for_ever(socket, written);
  };
  base::Pipe output = base::make_pipe();
  output.read_end.reset();
  ExecResult result = exec_with_streams(lab_.folder(), request(), {.output = output.write_end.get()});
  EXPECT_EQ(result.exit_code, 128 + SIGPIPE);
  EXPECT_EQ(gone.get_future().wait_for(5s), std::future_status::ready) << "the command is told, too";
}

TEST_F(ExecStreamsTest, AFullDiskIsAnError) {
  lab_.on_websocket = fake::run_here;
  base::FileDescriptor full = base::open_file("/dev/full", O_WRONLY);
  try {
    exec_with_streams(lab_.folder(), request({"echo", "x"}), {.output = full.get()});
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("No space left on device"));
  }
}

TEST_F(ExecStreamsTest, SignalsGoToTheCommand) {
  std::vector<std::string> signals;
  lab_.on_websocket = [&](fake::Socket socket, const base::http::Request&) {
    socket->on_message([&signals, socket](std::string data, bool is_binary) {
      if (!is_binary) {
        ::kill(::getpid(), SIGINT);
        return;
      }
      if (data.front() != 5) return;
      signals.push_back(data.substr(1));
      if (signals.size() == 1) ::kill(::getpid(), SIGTERM);
      if (signals.size() == 2) socket->send_binary(fake::status({{"signal", 15}}));
    });
    socket->resume();
  };
  base::Pipe input = base::make_pipe();
  ExecResult result =
      exec_with_streams(lab_.folder(), request(), {.input = input.read_end.get(), .pass_signals = true});
  EXPECT_EQ(result.exit_code, 128 + SIGTERM);
  EXPECT_THAT(signals, ElementsAre("{\"signal\":2}", "{\"signal\":15}"));
}

TEST_F(ExecStreamsTest, ATerminalHasItsSizeAndEveryNewOne) {
  std::vector<std::string> messages;
  lab_.on_websocket = [&](fake::Socket socket, const base::http::Request&) {
    socket->on_message([&messages, socket](std::string data, bool is_binary) {
      messages.push_back(is_binary ? std::to_string(data.front()) + data.substr(1) : data);
      if (!is_binary) ::kill(::getpid(), SIGWINCH);
      if (is_binary && data.front() == 4) socket->send_binary(fake::status({{"exit", 0}}));
    });
    socket->resume();
  };
  base::Pipe input = base::make_pipe();
  ExecRequest in_terminal = request();
  in_terminal.terminal = WindowSize{30, 100};
  exec_with_streams(lab_.folder(), in_terminal, {.input = input.read_end.get(), .window_size = [] {
                                                   return WindowSize{31, 101};
                                                 }});
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_THAT(messages[0], HasSubstr(R"("tty":true)"));
  EXPECT_THAT(messages[0], HasSubstr(R"("rows":30,"cols":100)"));
  EXPECT_EQ(messages[1], R"(4{"rows":31,"cols":101})");
}

TEST_F(ExecStreamsTest, ALabThatDiesEndsIt) {
  std::promise<void> runs;
  lab_.on_websocket = [&](fake::Socket socket, const base::http::Request&) {
    socket->resume();
    runs.set_value();
  };
  std::thread death([&] {
    runs.get_future().wait();
    lab_.die();
  });
  base::Pipe input = base::make_pipe();
  try {
    exec_with_streams(lab_.folder(), request(), {.input = input.read_end.get()});
    ADD_FAILURE();
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("lab fake has ended"));
  }
  death.join();
}

}  // namespace
}  // namespace lab
