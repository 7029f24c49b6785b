#include "labctl/scenario/capture/capturing.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace capture {
namespace {

using Clock = std::chrono::steady_clock;

// Where the kernel's count of packets and ours never agree: libpcap passes over what a loopback device shows twice.
constexpr std::chrono::milliseconds kLongestDrain{300};
// libpcap looks only now and then whether a link that went down has come back.
constexpr int kLookMilliseconds = 100;

}  // namespace

Capturing::Capturing(const Options& options, std::function<void(const std::string&)> write)
    : interfaces_(open_interfaces(options)), gone_(interfaces_.size()), write_(std::move(write)) {
  sigset_t ending;
  sigemptyset(&ending);
  for (int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ending, number);
  ::sigprocmask(SIG_BLOCK, &ending, nullptr);
  signals_ = base::check_system("wait for signals", ::signalfd(-1, &ending, SFD_CLOEXEC));
  std::string beginning = to_pcapng(packets::Section{operating_system(), "labctl", ""});
  for (const LiveInterface& it : interfaces_) beginning += to_pcapng(it.description());
  beginning += to_pcapng(interfaces_.front().statistics(0));
  write_(beginning);
}

void Capturing::take() {
  std::string blocks;
  for (std::size_t i = 0; i < interfaces_.size(); ++i) {
    if (gone_[i]) continue;
    auto number = static_cast<std::uint32_t>(i);
    bool there = interfaces_[i].take(number, [&](const packets::Packet& packet) { blocks += to_pcapng(packet); });
    gone_[i] = !there;
  }
  if (!blocks.empty()) write_(blocks);
}

void Capturing::drain() {
  Clock::time_point deadline = Clock::now() + kLongestDrain;
  auto drained = [&] {
    for (std::size_t i = 0; i < interfaces_.size(); ++i) {
      if (!gone_[i] && !interfaces_[i].is_drained()) return false;
    }
    return true;
  };
  take();
  while (!drained() && Clock::now() < deadline) {
    ::poll(nullptr, 0, 2);
    take();
  }
}

void Capturing::write_statistics() {
  std::string blocks;
  for (std::size_t i = 0; i < interfaces_.size(); ++i) {
    blocks += to_pcapng(interfaces_[i].statistics(static_cast<std::uint32_t>(i)));
  }
  write_(blocks);
}

Capturing::Request Capturing::answer(int listener) {
  base::FileDescriptor client(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  auto request = Request::flush;
  [[maybe_unused]] ssize_t count = ::read(client.get(), &request, 1);
  drain();
  write_statistics();
  return request;
}

void Capturing::run(int requests) {
  bool ended = false;
  while (!ended && std::find(gone_.begin(), gone_.end(), false) != gone_.end()) {
    std::vector<pollfd> polled{{signals_, POLLIN, 0}, {requests, POLLIN, 0}};
    int patience = -1;
    for (std::size_t i = 0; i < interfaces_.size(); ++i) {
      if (gone_[i]) continue;
      polled.push_back({interfaces_[i].descriptor(), POLLIN, 0});
      if (interfaces_[i].needs_looking_at()) patience = kLookMilliseconds;
    }
    if (::poll(polled.data(), polled.size(), patience) < 0 && errno != EINTR) throw base::Error::system("poll");
    ended = polled[0].revents != 0;
    if (polled[1].revents != 0 && answer(requests) == Request::end) return;
    take();
  }
  drain();
  write_statistics();
}

}  // namespace capture
