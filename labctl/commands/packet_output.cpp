#include "labctl/commands/packet_output.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "labctl/commands/output.h"
#include "lib/packets/words.h"

namespace commands {
namespace {

// A pipe that can be written takes this much without blocking (pipe(7)).
constexpr std::size_t kPiece = PIPE_BUF;

class Pcapng : public PacketOutput {
 public:
  Pcapng(PatientOutput& output, std::string comment) : output_(output), comment_(std::move(comment)) {}

  void begin(const packets::Section& section, const std::vector<packets::Interface>& interfaces) override {
    packets::Section commented = section;
    commented.comment = comment_;
    commented.application = "labctl " LABCTL_VERSION;
    std::string blocks = to_pcapng(commented);
    for (const packets::Interface& it : interfaces) blocks += to_pcapng(it);
    output_.write(blocks);
  }
  void add(const std::vector<packets::Packet>& some) override {
    std::string blocks;
    for (const packets::Packet& it : some) blocks += to_pcapng(it);
    output_.write(blocks);
  }
  void end(const std::vector<packets::Statistics>& statistics) override {
    std::string blocks;
    for (const packets::Statistics& it : statistics) blocks += to_pcapng(it);
    output_.write(blocks);
  }

 private:
  PatientOutput& output_;
  std::string comment_;
};

class Lines : public PacketOutput {
 public:
  explicit Lines(PatientOutput& output) : output_(output) {}

  void begin(const packets::Section&, const std::vector<packets::Interface>& interfaces) override {
    interfaces_ = interfaces;
  }
  void add(const std::vector<packets::Packet>& some) override {
    std::string text;
    for (const std::string& line : in_words(interfaces_, some)) text += printable(line) + "\n";
    output_.write(text);
  }
  void end(const std::vector<packets::Statistics>&) override {}

 private:
  PatientOutput& output_;
  std::vector<packets::Interface> interfaces_;
};

}  // namespace

PatientOutput::PatientOutput(boost::asio::io_context& loop, int descriptor, Callbacks callbacks)
    : descriptor_(descriptor),
      ready_(loop, descriptor, lab::ReadyDescriptor::For::kWriting),
      callbacks_(std::move(callbacks)) {}

void PatientOutput::write(const std::string& data) {
  if (failed_) return;
  pending_ += data;
  if (!waiting_) flush();
}

void PatientOutput::flush() {
  std::size_t done = 0;
  while (done < pending_.size() && ready_.ready_now()) {
    ssize_t count = ::write(descriptor_, pending_.data() + done, std::min(kPiece, pending_.size() - done));
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) {
      failed_ = true;
      pending_.clear();
      return callbacks_.failed(errno);
    }
    done += static_cast<std::size_t>(count);
  }
  pending_.erase(0, done);
  bool stalls = !pending_.empty();
  if (stalls) ready_.wait([this] { waiting_ = false, flush(); });
  if (stalls && !waiting_) callbacks_.stalled();
  if (!stalls) callbacks_.drained();
  waiting_ = stalls;
}

std::unique_ptr<PacketOutput> as_pcapng(PatientOutput& output, const std::string& comment) {
  return std::make_unique<Pcapng>(output, comment);
}

std::unique_ptr<PacketOutput> as_lines(PatientOutput& output) {
  return std::make_unique<Lines>(output);
}

}  // namespace commands
