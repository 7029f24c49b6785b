#include "labctl/lab/ready_descriptor.h"

#include <poll.h>
#include <sys/epoll.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>

#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace lab {

ReadyDescriptor::ReadyDescriptor(boost::asio::io_context& loop, int descriptor, For what)
    : loop_(loop), descriptor_(descriptor), what_(what), epoll_(loop) {
  base::FileDescriptor set(base::check_system("make an epoll set", ::epoll_create1(EPOLL_CLOEXEC)));
  epoll_event event{};
  event.events = what == For::kReading ? EPOLLIN : EPOLLOUT;
  if (::epoll_ctl(set.get(), EPOLL_CTL_ADD, descriptor, &event) < 0) {
    // epoll_ctl(2): "the target file does not support epoll", a regular file or a directory.
    if (errno != EPERM) throw base::Error::system("wait for a descriptor");
    always_ready_ = true;
    return;
  }
  epoll_.assign(set.release());
}

bool ReadyDescriptor::ready_now() const {
  if (always_ready_) return true;
  short wanted = what_ == For::kReading ? POLLIN : POLLOUT;
  pollfd polled{descriptor_, wanted, 0};
  return ::poll(&polled, 1, 0) == 1;
}

void ReadyDescriptor::wait(std::function<void()> callback) {
  if (always_ready_) {
    boost::asio::post(loop_, std::move(callback));
    return;
  }
  epoll_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                    [callback = std::move(callback)](boost::system::error_code failure) {
                      if (!failure) callback();
                    });
}

void ReadyDescriptor::cancel() {
  boost::system::error_code ignored;
  if (!always_ready_) epoll_.close(ignored);
}

}  // namespace lab
