#include "lib/netlink/message.h"

#include <netlink/attr.h>

#include "lib/base/error.h"

namespace netlink {
namespace {

// Only a message beyond its buffer (16 KiB below) fails: no request of ours comes near.
void check(int result) {
  if (result < 0) throw base::Error("build a netlink message: larger than its buffer");
}

}  // namespace

Message::Message(int type, int flags) : message_(nlmsg_alloc_size(16384)) {
  if (!message_) throw base::Error("build a netlink message: out of memory");
  nlmsg_put(message_.get(), NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, flags | NLM_F_REQUEST | NLM_F_ACK);
}

Message& Message::append(const void* data, size_t size) {
  check(nlmsg_append(message_.get(), const_cast<void*>(data), size, NLMSG_ALIGNTO));
  return *this;
}

Message& Message::put_bytes(int attribute, const void* data, size_t size) {
  check(nla_put(message_.get(), attribute, static_cast<int>(size), data));
  return *this;
}

Message& Message::put(int attribute, std::uint8_t value) {
  return put_bytes(attribute, &value, sizeof value);
}
Message& Message::put(int attribute, std::uint16_t value) {
  return put_bytes(attribute, &value, sizeof value);
}
Message& Message::put(int attribute, std::uint32_t value) {
  return put_bytes(attribute, &value, sizeof value);
}
Message& Message::put(int attribute, const std::string& value) {
  return put_bytes(attribute, value.c_str(), value.size() + 1);
}
Message& Message::put(int attribute, const IpAddress& value) {
  return put_bytes(attribute, value.bytes(), value.size());
}
Message& Message::put(int attribute, const MacAddress& value) {
  return put_bytes(attribute, value.bytes().data(), value.bytes().size());
}
Message& Message::put_flag(int attribute) {
  return put_bytes(attribute, nullptr, 0);
}

Message::Nest::Nest(Message& message, int attribute)
    : message_(message), start_(nla_nest_start(message.get(), attribute)) {
  if (start_ == nullptr) throw base::Error("build a netlink message: larger than its buffer");
}

Message::Nest::~Nest() {
  nla_nest_end(message_.get(), start_);
}

}  // namespace netlink
