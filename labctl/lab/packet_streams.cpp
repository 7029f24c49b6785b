#include "labctl/lab/packet_streams.h"

#include <signal.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "labctl/lab/exec_session.h"
#include "labctl/plan/plan.h"
#include "lib/base/error.h"

namespace lab {
namespace {

// Packets wait this long for older ones from other sources: a kernel hands over what it has captured every 20 ms.
constexpr std::chrono::milliseconds kWait{100};
// Of all packets that wait, in bytes.
constexpr std::size_t kMostWaiting = 8 * 1024 * 1024;

std::vector<std::string> command_of(const CaptureSource& source, const std::string& filter, std::uint32_t snap_length) {
  std::vector<std::string> command{std::string(plan::libexec_folder) + "/capture",
                                   "stream",
                                   "--node",
                                   source.node,
                                   "--snaplen",
                                   std::to_string(snap_length)};
  if (!filter.empty()) command.insert(command.end(), {"--filter", filter});
  command.insert(command.end(), source.links.begin(), source.links.end());
  return command;
}

bool is_older(const packets::Packet& one, const packets::Packet& other) {
  return one.time < other.time;
}

}  // namespace

class PacketStreams::Implementation {
 public:
  Implementation(boost::asio::io_context& loop, const LabFolder& folder, const std::vector<CaptureSource>& sources,
                 const std::string& filter, std::uint32_t snap_length, Callbacks callbacks)
      : callbacks_(std::move(callbacks)), timer_(loop) {
    for (const CaptureSource& source : sources) streams_.push_back(std::make_unique<Stream>(source.node));
    for (std::size_t i = 0; i < sources.size(); ++i) {
      Stream& stream = *streams_[i];
      ExecRequest request;
      request.node = sources[i].node;
      request.arguments = command_of(sources[i], filter, snap_length);
      stream.session = ExecSession::start(loop, folder, request,
                                          {[this, &stream](std::string_view data) { receive(stream, data); },
                                           [&stream](std::string_view data) { stream.said += data; }, [] {},
                                           [this, &stream](ExecEnd end) { ended(stream, end); }});
    }
    tick();
  }

  ~Implementation() {
    for (auto& stream : streams_) stream->session->abandon();
  }

  void stop() {
    stopping_ = true;
    for (auto& stream : streams_) {
      if (!stream->ended) stream->session->signal(SIGINT);
    }
  }

  void pause() {
    for (auto& stream : streams_) stream->session->pause();
  }
  void resume() {
    for (auto& stream : streams_) stream->session->resume();
  }

 private:
  struct Stream {
    explicit Stream(std::string its_node) : node(std::move(its_node)) {}
    std::string node;
    std::shared_ptr<ExecSession> session;
    packets::BlockReader reader;
    packets::Section section;
    std::vector<packets::Interface> interfaces;
    std::vector<packets::Packet> early;  // from before all streams were ready
    std::uint32_t first_interface = 0;   // its number among those of all streams
    bool ready = false;
    bool ended = false;
    std::string said;
  };

  void receive(Stream& stream, std::string_view data) {
    stream.reader.add(data);
    while (std::optional<packets::Block> block = next_of(stream)) {
      std::visit([&](auto& it) { take(stream, it); }, *block);
    }
    // A flood is not kept for the sake of its order: whoever reads it may have stalled, and has to say so.
    if (waiting_bytes_ > kMostWaiting) hand_over(UINT64_MAX);
  }

  // A stream that cannot be read ends.
  static std::optional<packets::Block> next_of(Stream& stream) {
    try {
      return stream.reader.next();
    } catch (const base::Error& error) {
      stream.said += error.what();
      stream.session->signal(SIGKILL);
      return std::nullopt;
    }
  }

  void take(Stream& stream, packets::Section& section) { stream.section = std::move(section); }
  void take(Stream& stream, packets::Interface& interface) { stream.interfaces.push_back(std::move(interface)); }
  void take(Stream& stream, packets::Packet& packet) {
    // Numbers are known once every stream has said which interfaces it has; until then they are the stream's own.
    packet.interface += stream.first_interface;
    if (all_ready_) waiting_bytes_ += packet.data.size();
    (all_ready_ ? waiting_ : stream.early).push_back(std::move(packet));
  }
  void take(Stream& stream, packets::Statistics& statistics) {
    if (!stream.ready) return become_ready(stream);
    statistics.interface += stream.first_interface;
    statistics_.push_back(statistics);
  }

  void become_ready(Stream& stream) {
    stream.ready = true;
    if (!std::all_of(streams_.begin(), streams_.end(), [](const auto& it) { return it->ready; })) return;
    all_ready_ = true;
    std::vector<packets::Interface> interfaces;
    for (auto& it : streams_) {
      it->first_interface = static_cast<std::uint32_t>(interfaces.size());
      interfaces.insert(interfaces.end(), it->interfaces.begin(), it->interfaces.end());
      for (packets::Packet& packet : std::exchange(it->early, {})) take(*it, packet);
    }
    callbacks_.ready(streams_.front()->section, interfaces);
  }

  // What was there at the last tick is old enough, and with it all that is older.
  void tick() {
    hand_over(seen_);
    for (const packets::Packet& packet : waiting_) seen_ = std::max(seen_, packet.time);
    timer_.expires_after(kWait);
    timer_.async_wait([this](boost::system::error_code failure) {
      if (!failure) tick();
    });
  }

  void hand_over(std::uint64_t until) {
    std::stable_sort(waiting_.begin(), waiting_.end(), is_older);
    auto end = std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& it) { return it.time > until; });
    if (end == waiting_.begin()) return;
    std::vector<packets::Packet> batch(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
    waiting_bytes_ = 0;
    for (const packets::Packet& packet : waiting_) waiting_bytes_ += packet.data.size();
    callbacks_.packets(std::move(batch));
  }

  void ended(Stream& stream, const ExecEnd& end) {
    stream.ended = true;
    if (!stopping_) failures_.push_back(why_ended(stream, end));
    // A source that cannot begin ends them all: half of what was asked for would be taken for the whole.
    if (!stream.ready && !stopping_) stop();
    if (!std::all_of(streams_.begin(), streams_.end(), [](const auto& it) { return it->ended; })) return;
    timer_.cancel();
    if (all_ready_) hand_over(UINT64_MAX);
    callbacks_.ended(statistics_, failures_);
  }

  static std::string why_ended(const Stream& stream, const ExecEnd& end) {
    std::string why = stream.said.substr(0, stream.said.find_last_not_of('\n') + 1);
    if (end.failure) return end.failure->what();
    if (!end.could_not_start.empty()) why = end.could_not_start;
    if (why.empty() && end.exit_code == 0) why = "none of its links is there any more";
    if (why.empty()) why = "the capture has ended with exit code " + std::to_string(end.exit_code);
    return stream.node + ": " + why;
  }

  Callbacks callbacks_;
  boost::asio::steady_timer timer_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<packets::Packet> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::vector<packets::Statistics> statistics_;
  std::vector<std::string> failures_;
  std::uint64_t seen_ = 0;  // the newest packet at the last tick
  bool all_ready_ = false, stopping_ = false;
};

PacketStreams::PacketStreams(boost::asio::io_context& loop, const LabFolder& folder,
                             const std::vector<CaptureSource>& sources, const std::string& filter,
                             std::uint32_t snap_length, Callbacks callbacks)
    : implementation_(
          std::make_unique<Implementation>(loop, folder, sources, filter, snap_length, std::move(callbacks))) {}
PacketStreams::~PacketStreams() = default;

void PacketStreams::stop() {
  implementation_->stop();
}
void PacketStreams::pause() {
  implementation_->pause();
}
void PacketStreams::resume() {
  implementation_->resume();
}

}  // namespace lab
