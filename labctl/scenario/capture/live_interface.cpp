#include "labctl/scenario/capture/live_interface.h"

#include <fmt/format.h>
#include <pcap/pcap.h>
#include <sys/utsname.h>

#include <algorithm>
#include <chrono>

#include "lib/base/error.h"
#include "lib/netlink/link.h"
#include "lib/packets/filter.h"

namespace capture {
namespace {

// How long the kernel may keep packets before it hands them over.
constexpr int kPatienceMilliseconds = 20;
constexpr int kBufferBytes = 4 * 1024 * 1024;

std::uint64_t now() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

// What the topology calls it: an interface's name is short, and a longer one is its alternative name.
std::string shown_name(const netlink::LinkInfo& link) {
  return link.alternative_names.empty() ? link.name : link.alternative_names.front();
}

bool is_called(const netlink::LinkInfo& link, const std::string& name) {
  const auto& others = link.alternative_names;
  return link.name == name || std::find(others.begin(), others.end(), name) != others.end();
}

netlink::LinkInfo loopback_of_all() {
  netlink::LinkInfo all;
  all.name = "any";
  return all;
}

netlink::LinkInfo find(const std::vector<netlink::LinkInfo>& links, const std::string& name) {
  if (name == "any") return loopback_of_all();
  std::vector<std::string> names;
  for (const netlink::LinkInfo& link : links) {
    if (is_called(link, name)) return link;
    names.push_back(shown_name(link));
  }
  throw base::Error(fmt::format("no link \"{}\" here; there are {}", name, fmt::join(names, ", ")));
}

void check(pcap_t* handle, const std::string& doing, int result) {
  if (result >= 0) return;
  std::string words = pcap_geterr(handle);
  throw base::Error(doing + ": " + (words.empty() ? pcap_statustostr(result) : words));
}

// Returns why it takes nothing of such a link.
std::string set_filter(pcap_t* handle, const Options& options) {
  if (options.filter.empty()) return {};
  std::string doing = "filter \"" + options.filter + "\"";
  packets::Filter filter(options.filter, pcap_datalink(handle));
  if (!filter.refusal().empty()) {
    bpf_insn reject{BPF_RET | BPF_K, 0, 0, 0};
    bpf_program nothing{1, &reject};
    check(handle, doing, pcap_setfilter(handle, &nothing));
    return filter.refusal();
  }
  bpf_program program{};
  check(handle, doing, pcap_compile(handle, &program, options.filter.c_str(), 1, PCAP_NETMASK_UNKNOWN));
  int result = pcap_setfilter(handle, &program);
  pcap_freecode(&program);
  check(handle, doing, result);
  return {};
}

}  // namespace

std::string operating_system() {
  utsname names{};
  ::uname(&names);
  return fmt::format("{} {} {}", names.sysname, names.release, names.machine);
}

void LiveInterface::Close::operator()(pcap* handle) const {
  pcap_close(handle);
}

LiveInterface::LiveInterface(const Options& options, const std::string& link) {
  char words[PCAP_ERRBUF_SIZE] = "";
  handle_.reset(pcap_create(link.c_str(), words));
  if (!handle_) throw base::Error("capture on " + link + ": " + words);
  pcap_t* handle = handle_.get();
  pcap_set_snaplen(handle, static_cast<int>(options.snap_length));
  pcap_set_promisc(handle, link == "any" ? 0 : 1);
  pcap_set_timeout(handle, kPatienceMilliseconds);
  pcap_set_buffer_size(handle, kBufferBytes);
  pcap_set_tstamp_precision(handle, PCAP_TSTAMP_PRECISION_NANO);
  check(handle, "capture on " + link, pcap_activate(handle));
  refusal_ = set_filter(handle, options);
  if (pcap_setnonblock(handle, 1, words) < 0) throw base::Error("capture on " + link + ": " + words);
  description_.name = options.node + ":" + link;
  description_.description = fmt::format("link {} of {}", link, options.node);
  description_.filter = options.filter;
  description_.operating_system = operating_system();
  description_.link_type = static_cast<std::uint16_t>(pcap_datalink(handle));
  description_.snap_length = static_cast<std::uint32_t>(pcap_snapshot(handle));
}

int LiveInterface::descriptor() const {
  return pcap_get_selectable_fd(handle_.get());
}

bool LiveInterface::needs_looking_at() const {
  return pcap_get_required_select_timeout(handle_.get()) != nullptr;
}

bool LiveInterface::take(std::uint32_t number, const std::function<void(packets::Packet)>& each) {
  struct Taking {
    std::uint32_t number;
    const std::function<void(packets::Packet)>& each;
    std::uint64_t count;
  } taking{number, each, 0};
  // With the precision that was asked for, tv_usec holds nanoseconds.
  auto take_one = [](u_char* user, const pcap_pkthdr* header, const u_char* data) {
    auto* it = reinterpret_cast<Taking*>(user);
    ++it->count;
    auto seconds = static_cast<std::uint64_t>(header->ts.tv_sec);
    it->each({it->number, seconds * 1'000'000'000 + static_cast<std::uint64_t>(header->ts.tv_usec), header->len,
              std::string(reinterpret_cast<const char*>(data), header->caplen)});
  };
  int result = pcap_dispatch(handle_.get(), -1, take_one, reinterpret_cast<u_char*>(&taking));
  taken_ += taking.count;
  return result >= 0;
}

bool LiveInterface::is_drained() const {
  packets::Statistics counts = statistics(0);
  return taken_ + counts.dropped >= counts.received;
}

// ps_recv counts the dropped ones, too (pcap-linux.c, pcap_stats_linux).
packets::Statistics LiveInterface::statistics(std::uint32_t number) const {
  pcap_stat counts{};
  if (pcap_stats(handle_.get(), &counts) == 0) {
    last_.received = counts.ps_recv;
    last_.dropped = counts.ps_drop;
  }
  last_.interface = number;
  last_.time = now();
  return last_;
}

std::vector<LiveInterface> open_interfaces(const Options& options) {
  netlink::Socket socket;
  std::vector<netlink::LinkInfo> links = netlink::list_links(socket);
  std::vector<netlink::LinkInfo> wanted;
  for (const std::string& name : options.links) wanted.push_back(find(links, name));
  if (options.links.empty()) {
    std::copy_if(links.begin(), links.end(), std::back_inserter(wanted),
                 [](const netlink::LinkInfo& link) { return link.name != "lo"; });
  }
  if (wanted.empty()) throw base::Error("there is no link but lo here");
  std::vector<LiveInterface> interfaces;
  for (const netlink::LinkInfo& link : wanted) interfaces.emplace_back(options, shown_name(link));
  bool useless =
      std::all_of(interfaces.begin(), interfaces.end(), [](const auto& it) { return !it.refusal().empty(); });
  if (useless) throw base::Error(interfaces.front().refusal());
  return interfaces;
}

}  // namespace capture
