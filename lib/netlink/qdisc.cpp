#include "lib/netlink/qdisc.h"

#include <linux/if_ether.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "lib/netlink/link.h"

namespace netlink {
namespace {

// Packets that may wait in netem, as tc(8) has it.
constexpr std::uint32_t netem_limit = 1000;

tcmsg root_of(std::uint32_t link) {
  tcmsg header{};
  header.tcm_family = AF_UNSPEC;
  header.tcm_ifindex = static_cast<int>(link);
  header.tcm_parent = TC_H_ROOT;
  return header;
}

// The kernel compares 32 random bits with a share of them.
std::uint32_t share_of(double per_cent) {
  return static_cast<std::uint32_t>(std::lround(per_cent / 100 * std::numeric_limits<std::uint32_t>::max()));
}

double per_cent_of(std::uint32_t share) {
  constexpr double precision = 100000;
  double per_cent = 100.0 * share / std::numeric_limits<std::uint32_t>::max();
  return std::round(per_cent * precision) / precision;
}

// A rate beyond 32 bits is given in an attribute of its own.
std::uint32_t short_rate(std::uint64_t bytes_per_second) {
  constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
  return bytes_per_second >= most ? most : static_cast<std::uint32_t>(bytes_per_second);
}

void put_nanoseconds(Message& message, int attribute, std::chrono::microseconds time) {
  std::int64_t nanoseconds = std::chrono::nanoseconds(time).count();
  message.put_bytes(attribute, &nanoseconds, sizeof nanoseconds);
}

// Every attribute, also of what does not happen: netem_change() in net/sched/sch_netem.c keeps what is not given.
void put_netem(Message& message, const Impairment& impairment) {
  message.put(TCA_KIND, std::string("netem"));
  auto options = message.nest(TCA_OPTIONS);
  tc_netem_qopt parameters{};
  parameters.limit = netem_limit;
  parameters.loss = share_of(impairment.loss);
  parameters.duplicate = share_of(impairment.duplicate);
  parameters.gap = impairment.reorder != 0 ? 1 : 0;  // without it, nothing is reordered
  message.append(&parameters, sizeof parameters);
  put_nanoseconds(message, TCA_NETEM_LATENCY64, impairment.delay);
  put_nanoseconds(message, TCA_NETEM_JITTER64, impairment.jitter);
  tc_netem_reorder reorder{share_of(impairment.reorder), 0};
  message.put_bytes(TCA_NETEM_REORDER, &reorder, sizeof reorder);
  std::uint64_t bytes_per_second = impairment.rate / 8;
  tc_netem_rate rate{};
  rate.rate = short_rate(bytes_per_second);
  if (rate.rate != bytes_per_second) {
    message.put_bytes(TCA_NETEM_RATE64, &bytes_per_second, sizeof bytes_per_second);
  }
  message.put_bytes(TCA_NETEM_RATE, &rate, sizeof rate);
}

void put_tbf(Message& message, std::uint64_t bits_per_second, std::uint32_t mtu) {
  TokenBucket bucket = token_bucket(bits_per_second, mtu);
  std::uint64_t bytes_per_second = bits_per_second / 8;
  tc_tbf_qopt parameters{};
  parameters.rate.rate = short_rate(bytes_per_second);
  parameters.rate.linklayer = TC_LINKLAYER_ETHERNET;  // otherwise it asks for a table of rates
  parameters.limit = bucket.limit;
  message.put(TCA_KIND, std::string("tbf"));
  auto options = message.nest(TCA_OPTIONS);
  message.put_bytes(TCA_TBF_PARMS, &parameters, sizeof parameters);
  message.put(TCA_TBF_BURST, bucket.burst);
  if (parameters.rate.rate != bytes_per_second) {
    message.put_bytes(TCA_TBF_RATE64, &bytes_per_second, sizeof bytes_per_second);
  }
}

template <class Value>
Value value_of(const nlattr* attribute) {
  Value value{};
  size_t size = attribute == nullptr ? 0 : static_cast<size_t>(nla_len(attribute));
  if (size > 0) std::memcpy(&value, nla_data(attribute), std::min(size, sizeof value));
  return value;
}

std::chrono::microseconds time_of(const nlattr* nanoseconds) {
  std::chrono::nanoseconds time(value_of<std::int64_t>(nanoseconds));
  return std::chrono::duration_cast<std::chrono::microseconds>(time);
}

std::uint64_t rate_of(std::uint32_t bytes_per_second, const nlattr* wide) {
  return (wide == nullptr ? bytes_per_second : value_of<std::uint64_t>(wide)) * 8;
}

std::optional<Impairment> parse_netem(nlattr* options) {
  auto parameters = value_of<tc_netem_qopt>(options);
  int fixed = NLA_ALIGN(sizeof parameters);
  if (nla_len(options) < fixed) return std::nullopt;
  nlattr* attributes[TCA_NETEM_MAX + 1];
  auto* first = reinterpret_cast<nlattr*>(static_cast<char*>(nla_data(options)) + fixed);
  if (nla_parse(attributes, TCA_NETEM_MAX, first, nla_len(options) - fixed, nullptr) < 0) return std::nullopt;
  Impairment impairment;
  impairment.delay = time_of(attributes[TCA_NETEM_LATENCY64]);
  impairment.jitter = time_of(attributes[TCA_NETEM_JITTER64]);
  impairment.loss = per_cent_of(parameters.loss);
  impairment.duplicate = per_cent_of(parameters.duplicate);
  if (parameters.gap != 0) {
    impairment.reorder = per_cent_of(value_of<tc_netem_reorder>(attributes[TCA_NETEM_REORDER]).probability);
  }
  auto rate = value_of<tc_netem_rate>(attributes[TCA_NETEM_RATE]);
  impairment.rate = rate_of(rate.rate, attributes[TCA_NETEM_RATE64]);
  return impairment;
}

std::optional<Impairment> parse_tbf(nlattr* options) {
  nlattr* attributes[TCA_TBF_MAX + 1];
  if (nla_parse_nested(attributes, TCA_TBF_MAX, options, nullptr) < 0) return std::nullopt;
  auto parameters = value_of<tc_tbf_qopt>(attributes[TCA_TBF_PARMS]);
  Impairment impairment;
  impairment.rate = rate_of(parameters.rate.rate, attributes[TCA_TBF_RATE64]);
  return impairment;
}

std::optional<Impairment> parse_impairment(nlmsghdr* header, std::uint32_t link) {
  auto* qdisc = static_cast<tcmsg*>(nlmsg_data(header));
  nlattr* attributes[TCA_MAX + 1];
  if (qdisc->tcm_ifindex != static_cast<int>(link) || qdisc->tcm_parent != TC_H_ROOT) return std::nullopt;
  if (nlmsg_parse(header, sizeof(tcmsg), attributes, TCA_MAX, nullptr) < 0) return std::nullopt;
  if (attributes[TCA_KIND] == nullptr || attributes[TCA_OPTIONS] == nullptr) return std::nullopt;
  if (nla_strcmp(attributes[TCA_KIND], "netem") == 0) return parse_netem(attributes[TCA_OPTIONS]);
  if (nla_strcmp(attributes[TCA_KIND], "tbf") == 0) return parse_tbf(attributes[TCA_OPTIONS]);
  return std::nullopt;
}

}  // namespace

void set_impairment(Socket& socket, const std::string& link, const Impairment& impairment) {
  if (impairment.none()) return clear_impairment(socket, link);
  LinkInfo info = get_link(socket, link);
  Message message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, root_of(info.index));
  if (impairment.only_rate()) {
    put_tbf(message, impairment.rate, info.mtu);
  } else {
    put_netem(message, impairment);
  }
  socket.request("impair link " + link + ": " + impairment_words(impairment), message);
}

std::optional<Impairment> find_impairment(Socket& socket, const std::string& link) {
  std::uint32_t index = get_link(socket, link).index;
  Message message(RTM_GETQDISC, 0, root_of(index));
  std::optional<Impairment> found;
  socket.dump("read the queueing discipline of link " + link, message, [&](nlmsghdr* header) {
    if (std::optional<Impairment> impairment = parse_impairment(header, index)) found = impairment;
  });
  return found;
}

void clear_impairment(Socket& socket, const std::string& link) {
  if (!find_impairment(socket, link)) return;
  Message message(RTM_DELQDISC, 0, root_of(get_link(socket, link).index));
  socket.request("take the impairment from link " + link, message);
}

}  // namespace netlink
