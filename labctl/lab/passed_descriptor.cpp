#include "labctl/lab/passed_descriptor.h"

#include <sys/socket.h>

#include <cstring>
#include <string>

namespace lab {
namespace {

constexpr char kHasDescriptor[] = "descriptor";

}  // namespace

void pass_descriptor(int socket, const base::FileDescriptor& descriptor) {
  int number = descriptor.get();
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof number)] = {};
  iovec data{const_cast<char*>(kHasDescriptor), sizeof kHasDescriptor};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof number);
  std::memcpy(CMSG_DATA(header), &number, sizeof number);
  base::check_system("pass a descriptor", ::sendmsg(socket, &message, MSG_NOSIGNAL));
}

void pass_error(int socket, const base::Error& error) {
  ::send(socket, error.what(), std::strlen(error.what()), MSG_NOSIGNAL);
}

base::FileDescriptor receive_descriptor(int socket) {
  char text[4096];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  iovec data{text, sizeof text};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size = 0;
  while ((size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
  }
  base::check_system("receive a descriptor", size);
  if (size == 0) throw base::Error("a child process ended before it was ready");
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr) throw base::Error(std::string(text, static_cast<std::size_t>(size)));
  int number = -1;
  std::memcpy(&number, CMSG_DATA(header), sizeof number);
  return base::FileDescriptor(number);
}

}  // namespace lab
