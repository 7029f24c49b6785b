// floor N: what the kernel alone costs for a lab of N nodes on one bridge. The same operations that labctl performs, in
// their order, as bare system calls: no YAML, no plan, no library, no checks beyond "did it work". Prints milliseconds.
//
// Needs no root: it works in namespaces of its own, which end with it.

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

void check(const char* doing, long result) {
  if (result >= 0) return;
  std::perror(doing);
  std::exit(1);
}

void write_file(const char* path, const char* text) {
  int file = ::open(path, O_WRONLY | O_CLOEXEC);
  check(path, file);
  check(path, ::write(file, text, std::strlen(text)));
  ::close(file);
}

// One netlink request, in place.
class Request {
 public:
  Request(int type, int flags) {
    header()->nlmsg_len = NLMSG_HDRLEN;
    header()->nlmsg_type = static_cast<std::uint16_t>(type);
    header()->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  }
  void append(const void* data, size_t size) {
    std::memcpy(bytes_ + header()->nlmsg_len, data, size);
    header()->nlmsg_len += NLMSG_ALIGN(size);
  }
  void put(int type, const void* data, size_t size) {
    rtattr attribute{static_cast<std::uint16_t>(RTA_LENGTH(size)), static_cast<std::uint16_t>(type)};
    append(&attribute, sizeof attribute);
    append(data, size);
  }
  void put(int type, std::uint32_t value) { put(type, &value, sizeof value); }
  void put(int type, const std::string& text) { put(type, text.c_str(), text.size() + 1); }
  size_t open(int type) {
    size_t start = header()->nlmsg_len;
    put(type, nullptr, 0);
    return start;
  }
  void close(size_t start) {
    reinterpret_cast<rtattr*>(bytes_ + start)->rta_len = static_cast<std::uint16_t>(header()->nlmsg_len - start);
  }
  void send(int socket) {
    check("send", ::send(socket, bytes_, header()->nlmsg_len, 0));
    char answer[4096];
    check("receive", ::recv(socket, answer, sizeof answer, 0));
    const auto* error = static_cast<nlmsgerr*>(NLMSG_DATA(reinterpret_cast<nlmsghdr*>(answer)));
    errno = -error->error;
    check("netlink", error->error);
  }

 private:
  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(bytes_); }
  alignas(NLMSG_ALIGNTO) char bytes_[1024] = {};
};

int route_socket() {
  int socket = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  check("make a netlink socket", socket);
  return socket;
}

void set_up(int socket, int index) {
  Request request(RTM_NEWLINK, 0);
  ifinfomsg link{};
  link.ifi_index = index;
  link.ifi_flags = link.ifi_change = IFF_UP;
  request.append(&link, sizeof link);
  request.send(socket);
}

int create_bridge(int socket) {
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  ifinfomsg link{};
  link.ifi_flags = link.ifi_change = IFF_UP;
  request.append(&link, sizeof link);
  request.put(IFLA_IFNAME, std::string("lan"));
  size_t info = request.open(IFLA_LINKINFO);
  request.put(IFLA_INFO_KIND, std::string("bridge"));
  request.close(info);
  request.send(socket);
  return static_cast<int>(::if_nametoindex("lan"));
}

void put_queues(Request& request) {
  request.put(IFLA_NUM_TX_QUEUES, std::uint32_t{1});
  request.put(IFLA_NUM_RX_QUEUES, std::uint32_t{1});
}

void create_cable(int socket, int number, int bridge, int name_space) {
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  ifinfomsg link{};
  link.ifi_flags = link.ifi_change = IFF_UP;
  request.append(&link, sizeof link);
  request.put(IFLA_IFNAME, "n" + std::to_string(number) + ".lan");
  request.put(IFLA_MASTER, static_cast<std::uint32_t>(bridge));
  put_queues(request);
  size_t info = request.open(IFLA_LINKINFO);
  request.put(IFLA_INFO_KIND, std::string("veth"));
  size_t data = request.open(IFLA_INFO_DATA);
  size_t peer = request.open(VETH_INFO_PEER);
  ifinfomsg far{};
  request.append(&far, sizeof far);
  request.put(IFLA_IFNAME, std::string("lan"));
  put_queues(request);
  request.put(IFLA_NET_NS_FD, static_cast<std::uint32_t>(name_space));
  request.close(peer);
  request.close(data);
  request.close(info);
  request.send(socket);
}

void add_address(int socket, int index, std::uint32_t address) {
  Request request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  ifaddrmsg message{};
  message.ifa_family = AF_INET;
  message.ifa_prefixlen = 16;
  message.ifa_index = static_cast<std::uint32_t>(index);
  request.append(&message, sizeof message);
  std::uint32_t network_order = htonl(address);
  request.put(IFA_LOCAL, network_order);
  request.put(IFA_ADDRESS, network_order);
  request.send(socket);
}

void disable_ipv6() {
  if (::access("/proc/sys/net/ipv6/conf/all/disable_ipv6", F_OK) < 0) return;
  write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
  write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

struct Node {
  int name_space;
  int socket;
};

Node create_node(int own) {
  check("unshare", ::unshare(CLONE_NEWNET));
  Node node{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), route_socket()};
  disable_ipv6();
  set_up(node.socket, 1);
  check("setns", ::setns(own, CLONE_NEWNET));
  return node;
}

void build(int count) {
  int own = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  disable_ipv6();
  int outer = route_socket();
  int bridge = create_bridge(outer);
  for (int number = 0; number < count; ++number) {
    Node node = create_node(own);
    create_cable(outer, number, bridge, node.name_space);
    add_address(node.socket, 2, 0x0a000001u + static_cast<std::uint32_t>(number));
    set_up(node.socket, 2);
  }
}

void become_root_of_namespaces() {
  std::string user = "0 " + std::to_string(::geteuid()) + " 1", group = "0 " + std::to_string(::getegid()) + " 1";
  check("unshare", ::unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS));
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", user.c_str());
  write_file("/proc/self/gid_map", group.c_str());
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

int main(int argument_count, char** arguments) {
  int count = argument_count > 1 ? std::atoi(arguments[1]) : 0;
  if (count < 1 || count > 10000) {
    std::fprintf(stderr, "usage: floor NODES (1 to 10000)\n");
    return 2;
  }
  become_root_of_namespaces();
  auto start = std::chrono::steady_clock::now();
  build(count);
  std::printf("%.1f\n", std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  std::fflush(stdout);
  ::_exit(0);
}
