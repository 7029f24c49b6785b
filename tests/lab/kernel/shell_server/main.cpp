// Stands in for the supervisor where the shell of a lab, the keeper and the line to the guest are tested by themselves:
// PID 1 of the lab that runs the first line of each connection as a shell command, with the connection as its three
// streams.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "labctl/kernel/guest.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace {

namespace asio = boost::asio;
using Socket = asio::local::stream_protocol::socket;

[[noreturn]] void become_shell(int connection, const std::string& command) {
  ::fcntl(connection, F_SETFL, ::fcntl(connection, F_GETFL) & ~O_NONBLOCK);
  for (int stream : {0, 1, 2}) ::dup2(connection, stream);
  ::close_range(3, ~0U, 0);
  ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
  ::_exit(127);
}

// Reads the command, byte by byte so that what follows is left to it, and hands the connection over.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket, bool in_guest) : socket_(std::move(socket)), in_guest_(in_guest) {}

  void read() {
    socket_.async_read_some(asio::buffer(byte_),
                            [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                              if (error) return;
                              if (self->byte_[0] == '\n') return self->run();
                              self->command_.push_back(self->byte_[0]);
                              self->read();
                            });
  }

 private:
  void run() {
    if (command_ == "power off" && in_guest_) kernel::power_off_guest();
    if (::fork() == 0) become_shell(socket_.native_handle(), command_);
  }

  Socket socket_;
  bool in_guest_;
  std::array<char, 1> byte_{};
  std::string command_;
};

class Server {
 public:
  explicit Server(bool in_guest) : in_guest_(in_guest), listener_(context_), child_ended_(context_, SIGCHLD) {
    if (in_guest) guest_ = std::make_unique<kernel::Guest>(context_);
    descriptors_ = in_guest ? guest_->take_descriptors() : kernel::inherited_descriptors();
    listener_.assign(asio::local::stream_protocol(), descriptors_.listener.release());
  }

  void run() {
    base::write_all(descriptors_.progress.get(), "{\"ready\":true}\n");
    descriptors_.progress.reset();
    accept();
    reap();
    context_.run();
  }

 private:
  void accept() {
    listener_.async_accept([this](boost::system::error_code error, Socket socket) {
      if (!error) std::make_shared<Connection>(std::move(socket), in_guest_)->read();
      accept();
    });
  }

  void reap() {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    child_ended_.async_wait([this](boost::system::error_code, int) { reap(); });
  }

  bool in_guest_;
  asio::io_context context_;
  std::unique_ptr<kernel::Guest> guest_;
  kernel::LabDescriptors descriptors_;
  asio::local::stream_protocol::acceptor listener_;
  asio::signal_set child_ended_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    Server(argc > 1 && std::string(argv[1]) == "--guest").run();
  } catch (const base::Error& error) {
    std::fprintf(stderr, "shell-server: %s\n", error.what());
  }
  return 1;
}
