#include <fcntl.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>

#include "labctl/commands/arguments.h"
#include "labctl/commands/packet_output.h"
#include "labctl/commands/terminal.h"
#include "labctl/lab/ignored_pipe_signal.h"
#include "labctl/lab/packet_streams.h"
#include "labctl/topology/values.h"
#include "lib/packets/filter.h"

namespace commands {
namespace {

struct Options {
  std::string lab;
  std::vector<std::string> sources;
  std::string file;  // empty: lines for people
  std::string filter;
  std::uint64_t count = 0;  // 0: no limit
  std::uint32_t snap_length = 262144;
  std::string time;
};

// "ds:lan ds:vip0 rs1" is two sources: each node once, all of its links where it stands without one.
std::vector<lab::CaptureSource> sources_of(const std::vector<std::string>& words) {
  std::vector<lab::CaptureSource> sources;
  std::vector<std::string> whole;
  for (const std::string& word : words) {
    std::size_t colon = word.find(':');
    std::string node = word.substr(0, colon);
    if (node.empty() || colon + 1 == word.size()) {
      throw CLI::ValidationError("NODE", "\"" + word + "\" is neither NODE nor NODE:LINK");
    }
    auto source = std::find_if(sources.begin(), sources.end(), [&](const auto& it) { return it.node == node; });
    if (source == sources.end()) source = sources.insert(source, {node, {}});
    if (colon == std::string::npos) {
      whole.push_back(node);
    } else {
      source->links.push_back(word.substr(colon + 1));
    }
  }
  for (lab::CaptureSource& it : sources) {
    if (std::find(whole.begin(), whole.end(), it.node) != whole.end()) it.links.clear();
    std::sort(it.links.begin(), it.links.end());
    it.links.erase(std::unique(it.links.begin(), it.links.end()), it.links.end());
  }
  return sources;
}

class CaptureRun {
 public:
  CaptureRun(const Options& options, const lab::LabFolder& folder, Context& context)
      : options_(options),
        folder_(folder),
        context_(context),
        signals_(loop_, SIGINT, SIGTERM, SIGHUP),
        timer_(loop_),
        streams_(loop_, folder, sources_of(options.sources), options.filter, options.snap_length,
                 {[this](const auto& section, const auto& interfaces) { ready(section, interfaces); },
                  [this](std::vector<packets::Packet> some) { take(std::move(some)); },
                  [this](const auto& statistics, const auto& failures) { ended(statistics, failures); }}) {
    wait_for_signal();
  }

  void run() {
    loop_.run();
    if (no_output_) throw *no_output_;
    say_counts();
    if (write_error_ != 0)
      throw base::Error::system("write " + (options_.file == "-" ? "the packets" : options_.file), write_error_);
    if (failures_.empty()) return;
    for (std::size_t i = 1; i < failures_.size(); ++i) context_.err << "labctl: " << failures_[i] << "\n";
    throw base::Error(failures_.front());
  }

 private:
  // The second signal is for who does not want to wait for a reader that has stalled.
  void wait_for_signal() {
    signals_.async_wait([this](boost::system::error_code failure, int) {
      if (failure) return;
      if (stopping_) return loop_.stop();
      stop();
      wait_for_signal();
    });
  }

  void stop() {
    stopping_ = true;
    timer_.cancel();
    streams_.stop();
  }

  void ready(const packets::Section& section, const std::vector<packets::Interface>& interfaces) {
    try {
      open_output();
    } catch (const base::Error& error) {
      no_output_ = error;
      return stop();
    }
    std::string names;
    for (const packets::Interface& it : interfaces) names += (names.empty() ? "" : ", ") + it.name;
    context_.err << "capturing on " << names << "; Ctrl-C ends it\n" << std::flush;
    interfaces_ = interfaces;
    captured_.resize(interfaces.size());
    packets_->begin(section, interfaces);
    if (options_.time.empty()) return;
    timer_.expires_after(parse_duration("--for", options_.time));
    timer_.async_wait([this](boost::system::error_code failure) {
      if (!failure) stop();
    });
  }

  // Not before: a capture that cannot begin leaves a file as it is.
  void open_output() {
    bool to_file = !options_.file.empty() && options_.file != "-";
    if (to_file) file_ = base::open_file(options_.file, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    output_ =
        std::make_unique<PatientOutput>(loop_, to_file ? file_.get() : 1,
                                        PatientOutput::Callbacks{[this] { streams_.pause(); }, [this] { drained(); },
                                                                 [this](int number) { write_failed(number); }});
    packets_ = options_.file.empty() ? as_lines(*output_) : as_pcapng(*output_, "captured in the lab " + folder_.name);
  }

  void take(std::vector<packets::Packet> some) {
    if (no_output_) return;
    if (options_.count != 0 && total_ + some.size() > options_.count) some.resize(options_.count - total_);
    for (const packets::Packet& it : some) ++captured_[it.interface];
    total_ += some.size();
    if (!some.empty()) packets_->add(some);
    if (options_.count != 0 && total_ == options_.count && !stopping_) stop();
  }

  void ended(const std::vector<packets::Statistics>& statistics, const std::vector<std::string>& failures) {
    statistics_ = statistics;
    failures_ = failures;
    timer_.cancel();
    ended_ = true;
    if (packets_) packets_->end(statistics);
    if (!output_ || output_->empty()) loop_.stop();
  }

  void drained() {
    if (ended_) return loop_.stop();
    streams_.resume();
  }
  // Whoever has read enough goes away: that is an end like any other.
  void write_failed(int number) {
    if (number != EPIPE) write_error_ = number;
    loop_.stop();
  }

  void say_counts() {
    for (std::size_t i = 0; i < interfaces_.size(); ++i) {
      context_.err << interfaces_[i].name << ": " << captured_[i] << " packets captured";
      auto counted = std::find_if(statistics_.begin(), statistics_.end(),
                                  [&](const packets::Statistics& it) { return it.interface == i; });
      if (counted != statistics_.end()) context_.err << ", " << counted->dropped << " dropped by the kernel";
      context_.err << "\n";
    }
    context_.err << std::flush;
  }

  const Options& options_;
  lab::LabFolder folder_;
  Context& context_;
  boost::asio::io_context loop_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer timer_;
  base::FileDescriptor file_;
  std::unique_ptr<PatientOutput> output_;
  std::unique_ptr<PacketOutput> packets_;
  lab::PacketStreams streams_;
  std::vector<packets::Interface> interfaces_;
  std::vector<std::uint64_t> captured_;  // by interface
  std::vector<packets::Statistics> statistics_;
  std::vector<std::string> failures_;
  std::uint64_t total_ = 0;
  std::optional<base::Error> no_output_;  // why it could not be opened
  int write_error_ = 0;
  bool stopping_ = false, ended_ = false;
};

std::string at_least_one(const std::string& count) {
  std::optional<std::uint64_t> number = topology::parse_unsigned(count);
  return number && *number > 0 ? "" : "\"" + count + "\" is no number of packets: 1 or more";
}

void check(const Options& options) {
  std::string refusal = packets::why_no_filter(options.filter);
  if (!refusal.empty()) throw CLI::ValidationError("--filter", refusal);
  if (!options.time.empty()) parse_duration("--for", options.time);
  if (options.file == "-" && is_terminal(1)) {
    throw CLI::ValidationError("--write",
                               "the terminal cannot show pcapng; pipe it into wireshark -k -i -, or name a file");
  }
}

void capture(const Options& options, Context& context) {
  check(options);
  lab::Control control = control_of(options.lab);
  for (const lab::CaptureSource& source : sources_of(options.sources)) check_node(control, source.node);
  context.out.flush();
  lab::IgnoredPipeSignal guard;
  CaptureRun(options, control.folder(), context).run();
}

}  // namespace

void add_capture(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command<Options>(app, "capture", "show or record the packets on links of nodes and pods", kLabCommands,
                           options, [&context](const Options& chosen) { capture(chosen, context); });
  add_lab(*command, options->lab);
  command->add_option("NODE", options->sources, "NODE:LINK, or NODE for all of its links but lo")
      ->required()
      ->type_name(kLink);
  command->add_option("-w,--write", options->file, "write pcapng to this file, or to - for a pipe; lines if not given")
      ->type_name("FILE");
  command->add_option("-f,--filter", options->filter, "only packets that match this expression (pcap-filter(7))")
      ->type_name("EXPRESSION");
  command->add_option("-c,--count", options->count, "end after this many packets")
      ->type_name("COUNT")
      ->check(CLI::Validator(at_least_one, "", "at least one"));
  command->add_option("--snaplen", options->snap_length, "keep this many bytes of each packet")
      ->type_name("BYTES")
      ->check(CLI::Range(1, 262144));
  command->add_option("--for", options->time, "end after this time: 30s, 10m")->type_name("TIME");
  command->footer(
      "labctl capture web ds rs1:eth0 -w web.pcapng               a file, one interface for each node and link\n"
      "labctl capture web ds -w - | wireshark -k -i -             live\n"
      "labctl capture web ds rs1 -f \"tcp port 80 or arp\"          a line for each packet, by tcpdump\n"
      "\n"
      "NODE:any takes all links of a node as one interface, with lo and those that are made later. Ends with Ctrl-C,\n"
      "the nodes, or the lab; says at the end how many packets there were, and how many the kernel dropped.");
}

}  // namespace commands
