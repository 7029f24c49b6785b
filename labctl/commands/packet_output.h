// Where `labctl capture` writes packets to: pcapng, or lines for people.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "labctl/lab/ready_descriptor.h"
#include "lib/packets/pcapng.h"

namespace commands {

// Writes to a descriptor that may stall, and says when it does.
class PatientOutput {
 public:
  struct Callbacks {
    std::function<void()> stalled, drained;
    std::function<void(int error_number)> failed;
  };
  // DESCRIPTOR is borrowed.
  PatientOutput(boost::asio::io_context& loop, int descriptor, Callbacks callbacks);

  void write(const std::string& data);
  bool empty() const { return pending_.empty(); }
  void cancel() { ready_.cancel(); }

 private:
  void flush();

  int descriptor_;
  lab::ReadyDescriptor ready_;
  Callbacks callbacks_;
  std::string pending_;
  bool waiting_ = false, failed_ = false;
};

class PacketOutput {
 public:
  virtual ~PacketOutput() = default;
  virtual void begin(const packets::Section& section, const std::vector<packets::Interface>& interfaces) = 0;
  virtual void add(const std::vector<packets::Packet>& packets) = 0;
  virtual void end(const std::vector<packets::Statistics>& statistics) = 0;
};

std::unique_ptr<PacketOutput> as_pcapng(PatientOutput& output, const std::string& comment);
// As tcpdump says them, with node and link.
std::unique_ptr<PacketOutput> as_lines(PatientOutput& output);

}  // namespace commands
