// Filter expressions of libpcap (pcap-filter(7)): "tcp port 8080 and host 10.0.0.1".
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct bpf_program;

namespace packets {

class Filter {
 public:
  // LINK_TYPE is a DLT_…, which for what Linux captures has the number of its LINKTYPE_…. An empty expression takes
  // all; one that is good for Ethernet and means nothing on other links ("arp" on a tun device) takes nothing there.
  // Throws base::Error with libpcap's words.
  explicit Filter(const std::string& expression, int link_type = 1);

  // Why nothing can match; empty where something can.
  const std::string& refusal() const { return refusal_; }
  bool matches(std::string_view data, std::size_t original_length) const;

 private:
  struct Free {
    void operator()(bpf_program* program) const;
  };
  std::unique_ptr<bpf_program, Free> program_;  // none: takes nothing
  std::string refusal_;
};

// Why EXPRESSION is no filter; empty where it is one.
std::string why_no_filter(const std::string& expression);

}  // namespace packets
