// One network interface, captured from by libpcap.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/packets/pcapng.h"

struct pcap;

namespace capture {

struct Options {
  std::string node;  // in the interfaces' names: "ds:lan"
  std::string filter;
  std::uint32_t snap_length = 262144;
  std::vector<std::string> links;  // empty: all but loopback
  // Of recordings: in it, a folder for each node, as several may see the same /run.
  std::string folder = "/run/labctl-capture";
};

class LiveInterface {
 public:
  // LINK is an interface of this network namespace, or "any": all of them, also those that are made later. Throws
  // base::Error with libpcap's words.
  LiveInterface(const Options& options, const std::string& link);

  const packets::Interface& description() const { return description_; }
  // Why the filter takes nothing of such a link; empty where it takes something.
  const std::string& refusal() const { return refusal_; }
  // Readable when there are packets.
  int descriptor() const;
  // Set where it must be looked at after this many milliseconds though nothing is readable, as while its link is down.
  bool needs_looking_at() const;
  // Hands over the packets that have come, with NUMBER as their interface. False once the link is no more.
  bool take(std::uint32_t number, const std::function<void(packets::Packet)>& each);
  // Whether all that the kernel has captured by now has been taken.
  bool is_drained() const;
  packets::Statistics statistics(std::uint32_t number) const;

 private:
  struct Close {
    void operator()(pcap* handle) const;
  };
  std::unique_ptr<pcap, Close> handle_;
  packets::Interface description_;
  std::string refusal_;
  std::uint64_t taken_ = 0;
  mutable packets::Statistics last_;  // a link that is no more has none
};

// Opens all of OPTIONS.links. Throws where one is not there, naming those that are, and where the filter takes nothing
// of any.
std::vector<LiveInterface> open_interfaces(const Options& options);

// "Linux 6.1.176 x86_64", of the kernel that captures.
std::string operating_system();

}  // namespace capture
