#include "lib/packets/filter.h"

#include <pcap/pcap.h>

#include "lib/base/error.h"

namespace packets {
namespace {

struct Close {
  void operator()(pcap_t* handle) const { pcap_close(handle); }
};

constexpr int kLongestPacket = 262144;
constexpr int kEthernet = 1;

}  // namespace

void Filter::Free::operator()(bpf_program* program) const {
  pcap_freecode(program);
  delete program;
}

Filter::Filter(const std::string& expression, int link_type) {
  std::unique_ptr<pcap_t, Close> dead(pcap_open_dead(link_type, kLongestPacket));
  if (!dead) throw base::Error("compile a filter: out of memory");
  auto program = std::make_unique<bpf_program>();
  if (pcap_compile(dead.get(), program.get(), expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    refusal_ = "filter \"" + expression + "\": " + pcap_geterr(dead.get());
    if (link_type == kEthernet || !why_no_filter(expression).empty()) throw base::Error(refusal_);
    return;
  }
  program_.reset(program.release());
}

bool Filter::matches(std::string_view data, std::size_t original_length) const {
  if (!program_) return false;
  pcap_pkthdr header{};
  header.caplen = static_cast<bpf_u_int32>(data.size());
  header.len = static_cast<bpf_u_int32>(original_length);
  return pcap_offline_filter(program_.get(), &header, reinterpret_cast<const u_char*>(data.data())) != 0;
}

std::string why_no_filter(const std::string& expression) {
  try {
    Filter filter(expression);
    return {};
  } catch (const base::Error& error) {
    return error.what();
  }
}

}  // namespace packets
