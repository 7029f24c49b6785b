#include "agents/proxy/address_watch.h"

#include <linux/rtnetlink.h>

namespace proxy {
namespace {

// Every interface that comes up has an IPv6 address of its link; pods come and go.
bool concerns_us(nlmsghdr* header) {
  if (header->nlmsg_type != RTM_NEWADDR && header->nlmsg_type != RTM_DELADDR) return false;
  return static_cast<ifaddrmsg*>(nlmsg_data(header))->ifa_scope != RT_SCOPE_LINK;
}

}  // namespace

AddressWatch::AddressWatch(boost::asio::io_context& loop, std::function<void()> on_change)
    : descriptor_(loop), on_change_(std::move(on_change)) {
  socket_.join(RTNLGRP_IPV4_IFADDR);
  socket_.join(RTNLGRP_IPV6_IFADDR);
  descriptor_.assign(socket_.descriptor());
  wait();
}

AddressWatch::~AddressWatch() {
  descriptor_.release();
}

void AddressWatch::wait() {
  descriptor_.async_wait(
      boost::asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
        if (error) return;
        bool changed = false;
        bool complete = socket_.receive([&](nlmsghdr* header) { changed = changed || concerns_us(header); });
        if (changed || !complete) on_change_();
        wait();
      });
}

}  // namespace proxy
