// Packets from several nodes of a lab as one stream: the program `capture` runs in each of them, and what they capture
// is put in the order of time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "labctl/lab/runtime.h"
#include "lib/packets/pcapng.h"

namespace boost::asio {
class io_context;
}

namespace lab {

struct CaptureSource {
  std::string node;                // or pod
  std::vector<std::string> links;  // empty: all but loopback
};

class PacketStreams {
 public:
  struct Callbacks {
    // Every source captures. INTERFACES in the numbering of all packets that follow.
    std::function<void(const packets::Section&, const std::vector<packets::Interface>& interfaces)> ready;
    // In the order of time, as far as a moment's waiting can bring it about.
    std::function<void(std::vector<packets::Packet>)> packets;
    // Called last: what each interface's kernel has counted, of those that could tell, and why sources ended that
    // nobody has told to.
    std::function<void(const std::vector<packets::Statistics>&, const std::vector<std::string>& failures)> ended;
  };

  PacketStreams(boost::asio::io_context& loop, const LabFolder& folder, const std::vector<CaptureSource>& sources,
                const std::string& filter, std::uint32_t snap_length, Callbacks callbacks);
  ~PacketStreams();
  PacketStreams(const PacketStreams&) = delete;
  PacketStreams& operator=(const PacketStreams&) = delete;

  // What has been captured by now is still handed over.
  void stop();
  // A capture that is paused for long loses packets, and counts them.
  void pause();
  void resume();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace lab
