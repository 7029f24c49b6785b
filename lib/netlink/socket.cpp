#include "lib/netlink/socket.h"

#include <linux/netlink.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "lib/base/error.h"
#include "lib/netlink/network_namespace.h"

namespace netlink {
namespace {

constexpr int receive_buffer = 4 << 20;

// The extended acknowledgement stands behind the header of the refused request; with NLM_F_CAPPED only that header is
// echoed, without it the whole request (Documentation/userspace-api/netlink/intro.rst).
std::string kernel_words(const nlmsghdr* header, const nlmsgerr* error) {
  if ((header->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  size_t offset = sizeof(nlmsgerr);
  if ((header->nlmsg_flags & NLM_F_CAPPED) == 0) offset += error->msg.nlmsg_len - sizeof(nlmsghdr);
  offset = NLMSG_ALIGN(offset);
  size_t payload = header->nlmsg_len - NLMSG_HDRLEN;
  if (offset >= payload) return {};
  auto* attribute = reinterpret_cast<nlattr*>(reinterpret_cast<char*>(const_cast<nlmsgerr*>(error)) + offset);
  auto remaining = static_cast<int>(payload - offset);
  for (; nla_ok(attribute, remaining); attribute = nla_next(attribute, &remaining)) {
    if (nla_type(attribute) == NLMSGERR_ATTR_MSG) return nla_get_string(attribute);
  }
  return {};
}

[[noreturn]] void refuse(const std::string& doing, const nlmsghdr* header, const nlmsgerr* error) {
  base::Error failure = base::Error::system(doing, -error->error);
  std::string words = kernel_words(header, error);
  if (words.empty()) throw failure;
  throw failure.with_words(words);
}

}  // namespace

void Socket::Free::operator()(nl_sock* socket) const {
  nl_socket_free(socket);
}

Socket::Socket(int protocol) : socket_(nl_socket_alloc()) {
  if (!socket_) throw base::Error("open a netlink socket: out of memory");
  int failure = nl_connect(socket_.get(), protocol);
  if (failure < 0) throw base::Error(std::string("open a netlink socket: ") + nl_geterror(failure));
  nl_socket_set_buffer_size(socket_.get(), receive_buffer, 0);
  int on = 1;
  int fd = nl_socket_get_fd(socket_.get());
  ::setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  ::setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
}

Socket::~Socket() = default;

Socket Socket::open_in(const base::FileDescriptor& network_namespace, int protocol) {
  std::unique_ptr<Socket> socket;
  in_namespace(network_namespace, [&] { socket = std::make_unique<Socket>(protocol); });
  return std::move(*socket);
}

int Socket::descriptor() const {
  return nl_socket_get_fd(socket_.get());
}

void Socket::exchange(const std::string& doing, const Message& message, const std::function<void(nlmsghdr*)>& each) {
  nlmsghdr* request = nlmsg_hdr(message.get());
  request->nlmsg_seq = ++sequence_;
  request->nlmsg_pid = nl_socket_get_local_port(socket_.get());
  ssize_t sent = ::send(descriptor(), request, request->nlmsg_len, 0);
  base::check_system(doing, sent);

  std::vector<char> buffer(1 << 16);
  for (;;) {
    ssize_t count = ::recv(descriptor(), buffer.data(), buffer.size(), MSG_TRUNC);
    if (count < 0 && errno == EINTR) continue;
    base::check_system(doing, count);
    if (static_cast<size_t>(count) > buffer.size()) throw base::Error(doing + ": the kernel's answer was cut short");
    auto remaining = static_cast<int>(count);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); nlmsg_ok(header, remaining);
         header = nlmsg_next(header, &remaining)) {
      if (header->nlmsg_seq != sequence_) continue;
      if (header->nlmsg_type == NLMSG_ERROR) {
        auto* error = static_cast<nlmsgerr*>(nlmsg_data(header));
        if (error->error != 0) refuse(doing, header, error);
        return;
      }
      if (header->nlmsg_type == NLMSG_DONE) return;
      if (each) each(header);
    }
  }
}

void Socket::request(const std::string& doing, const Message& message) {
  exchange(doing, message, nullptr);
}

void Socket::get(const std::string& doing, const Message& message, const std::function<void(nlmsghdr*)>& answer) {
  exchange(doing, message, answer);
}

void Socket::dump(const std::string& doing, Message& message, const std::function<void(nlmsghdr*)>& each) {
  nlmsghdr* header = nlmsg_hdr(message.get());
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  exchange(doing, message, each);
}

void Socket::join(int group) {
  int failure = nl_socket_add_membership(socket_.get(), group);
  if (failure < 0) throw base::Error(std::string("subscribe to kernel changes: ") + nl_geterror(failure));
}

bool Socket::receive(const std::function<void(nlmsghdr*)>& each) {
  std::vector<char> buffer(1 << 16);
  for (;;) {
    ssize_t count = ::recv(descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (count < 0 && errno == ENOBUFS) return false;
    base::check_system("read kernel changes", count);
    auto remaining = static_cast<int>(count);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); nlmsg_ok(header, remaining);
         header = nlmsg_next(header, &remaining)) {
      each(header);
    }
  }
}

}  // namespace netlink
