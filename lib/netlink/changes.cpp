#include "lib/netlink/changes.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <utility>

#include "lib/base/file_descriptor.h"

namespace netlink {

class Changes::Implementation : public std::enable_shared_from_this<Implementation> {
 public:
  Implementation(boost::asio::io_context& loop, std::initializer_list<int> groups, Follower follower)
      : follower_(std::move(follower)), readable_(loop) {
    for (int group : groups) socket_.join(group);
    // The descriptor is the socket's own: Asio only waits for it, and lets go of it in stop().
    readable_.assign(socket_.descriptor());
  }

  void wait() {
    readable_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                         [self = shared_from_this()](const boost::system::error_code& cancelled) {
                           if (cancelled || !self->follower_) return;
                           self->read();
                           if (self->follower_) self->wait();
                         });
  }

  void stop() {
    follower_ = nullptr;
    readable_.release();
  }

 private:
  void read() {
    bool complete = socket_.receive([this](nlmsghdr* change) {
      if (auto follower = follower_) follower(change);
    });
    if (complete) return;
    if (auto follower = follower_) follower(nullptr);
  }

  Socket socket_;
  Follower follower_;
  boost::asio::posix::stream_descriptor readable_;
};

Changes::Changes(boost::asio::io_context& loop, std::initializer_list<int> groups, Follower follower)
    : implementation_(std::make_shared<Implementation>(loop, groups, std::move(follower))) {
  implementation_->wait();
}

Changes::~Changes() {
  implementation_->stop();
}

}  // namespace netlink
