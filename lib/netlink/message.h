// One rtnetlink request, built attribute by attribute. Layout: <linux/rtnetlink.h>.
#pragma once

#include <netlink/msg.h>

#include <cstdint>
#include <memory>
#include <string>

#include "lib/netlink/address.h"

namespace netlink {

class Message {
 public:
  // TYPE is RTM_…; FLAGS are NLM_F_… without REQUEST and ACK, which every request has. HEADER is the fixed part.
  template <class Header>
  Message(int type, int flags, const Header& header) : Message(type, flags) {
    append(&header, sizeof header);
  }

  // BODY is all that follows the message's header, as the kernel wrote it.
  static Message with_body(int type, int flags, const std::string& body) {
    Message message(type, flags);
    message.append(body.data(), body.size());
    return message;
  }

  Message& put(int attribute, std::uint8_t value);
  Message& put(int attribute, std::uint16_t value);
  Message& put(int attribute, std::uint32_t value);
  Message& put(int attribute, const std::string& value);
  Message& put(int attribute, const IpAddress& value);
  Message& put(int attribute, const MacAddress& value);
  Message& put_bytes(int attribute, const void* data, size_t size);
  // An attribute without payload.
  Message& put_flag(int attribute);
  // A fixed structure amid attributes, as the peer's ifinfomsg in VETH_INFO_PEER.
  Message& append(const void* data, size_t size);

  // Closes the nested attribute at the end of its scope.
  class Nest {
   public:
    Nest(Message& message, int attribute);
    ~Nest();
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;

   private:
    Message& message_;
    nlattr* start_;
  };
  [[nodiscard]] Nest nest(int attribute) { return Nest(*this, attribute); }

  nl_msg* get() const { return message_.get(); }

 private:
  Message(int type, int flags);
  struct Free {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
  };
  std::unique_ptr<nl_msg, Free> message_;
};

}  // namespace netlink
