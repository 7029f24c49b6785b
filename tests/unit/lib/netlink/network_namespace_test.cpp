#include "lib/netlink/network_namespace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <stdexcept>
#include <thread>

#include "lib/base/error.h"
#include "lib/netlink/link.h"
#include "lib/netlink/links/veth.h"
#include "tests/unit/private_network.h"

namespace {

using namespace netlink;

class NetworkNamespaces : public PrivateNetwork {};

ino_t identity(const base::FileDescriptor& network_namespace) {
  struct stat status {};
  EXPECT_EQ(::fstat(network_namespace.get(), &status), 0);
  return status.st_ino;
}

ino_t here() {
  return identity(current_network_namespace());
}

TEST_F(NetworkNamespaces, NewOnesAreEmptyAndOthers) {
  ino_t before = here();
  base::FileDescriptor first = create_network_namespace(), second = create_network_namespace();
  EXPECT_EQ(here(), before);
  EXPECT_NE(identity(first), before);
  EXPECT_NE(identity(first), identity(second));
  Socket socket = Socket::open_in(first);
  LinkInfo lo = get_link(socket, "lo");
  EXPECT_FALSE(lo.up);
}

TEST_F(NetworkNamespaces, InNamespaceRunsThereAndComesBack) {
  ino_t before = here();
  base::FileDescriptor other = create_network_namespace();
  ino_t inside = 0;
  in_namespace(other, [&] { inside = here(); });
  EXPECT_EQ(inside, identity(other));
  EXPECT_EQ(here(), before);
}

TEST_F(NetworkNamespaces, InNamespaceComesBackWhateverIsThrown) {
  ino_t before = here();
  base::FileDescriptor other = create_network_namespace();
  EXPECT_THROW(in_namespace(other, [] { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(here(), before);
  EXPECT_THROW(in_namespace(other, [] { throw 7; }), int);
  EXPECT_EQ(here(), before);
}

TEST_F(NetworkNamespaces, InNamespaceNests) {
  ino_t before = here();
  base::FileDescriptor outer = create_network_namespace(), inner = create_network_namespace();
  in_namespace(outer, [&] {
    in_namespace(inner, [&] { EXPECT_EQ(here(), identity(inner)); });
    EXPECT_EQ(here(), identity(outer));
  });
  EXPECT_EQ(here(), before);
}

TEST_F(NetworkNamespaces, WhatIsNoNamespaceIsRefusedAndNobodyMoves) {
  ino_t before = here();
  base::FileDescriptor file = base::open_file("/proc/self/status", O_RDONLY);
  EXPECT_THROW(in_namespace(file, [] { FAIL() << "ran"; }), base::Error);
  EXPECT_THROW(in_namespace(base::FileDescriptor(), [] { FAIL() << "ran"; }), base::Error);
  EXPECT_EQ(here(), before);
}

// A thread's namespace is its own: what one does moves no other.
TEST_F(NetworkNamespaces, EachThreadHasItsOwn) {
  ino_t before = here();
  base::FileDescriptor other = create_network_namespace();
  ino_t of_thread = 0;
  in_namespace(other, [&] { std::thread([&] { in_namespace(other, [&] { of_thread = here(); }); }).join(); });
  EXPECT_EQ(of_thread, identity(other));
  EXPECT_EQ(here(), before);
}

TEST_F(NetworkNamespaces, ASocketStaysWhereItWasOpened) {
  base::FileDescriptor other = create_network_namespace();
  Socket there = Socket::open_in(other);
  NewLink near, far;
  near.name = "near";
  far.name = "far";
  create_veth(there, near, far, other);
  Socket here_socket;
  EXPECT_FALSE(find_link(here_socket, "near"));
  in_namespace(other, [&] {
    EXPECT_FALSE(find_link(here_socket, "near"));
    Socket opened_inside;
    EXPECT_TRUE(find_link(opened_inside, "near"));
  });
  EXPECT_TRUE(find_link(there, "near"));
}

// ---- sysctls

TEST_F(NetworkNamespaces, SysctlsAreThoseOfTheNamespace) {
  base::FileDescriptor other = create_network_namespace();
  in_namespace(other, [] {
    write_sysctl("net.ipv4.ip_forward", "1");
    EXPECT_EQ(read_sysctl("net.ipv4.ip_forward"), "1");
  });
  EXPECT_EQ(read_sysctl("net.ipv4.ip_forward"), "0");
}

TEST_F(NetworkNamespaces, ASlashStandsForADotInAName) {
  Socket socket;
  NewLink dotted, peer;
  dotted.name = "lan.100";
  peer.name = "peer";
  create_veth(socket, dotted, peer, current_network_namespace());
  EXPECT_TRUE(has_sysctl("net.ipv4.conf.lan/100.rp_filter"));
  EXPECT_FALSE(has_sysctl("net.ipv4.conf.lan.100.rp_filter"));
  write_sysctl("net.ipv4.conf.lan/100.rp_filter", "2");
  EXPECT_EQ(read_sysctl("net.ipv4.conf.lan/100.rp_filter"), "2");
}

TEST_F(NetworkNamespaces, SysctlsOfManyWords) {
  write_sysctl("net.ipv4.tcp_rmem", "4096 87380 6291456");
  EXPECT_EQ(read_sysctl("net.ipv4.tcp_rmem"), "4096\t87380\t6291456");
}

TEST_F(NetworkNamespaces, SysctlFailuresNameThem) {
  auto failure = [](const std::string& name, const std::string& value) {
    try {
      write_sysctl(name, value);
    } catch (const base::Error& error) {
      return std::string(error.what());
    }
    return std::string("no failure");
  };
  EXPECT_EQ(failure("net.ipv4.none", "1"),
            "sysctl net.ipv4.none=1: open /proc/sys/net/ipv4/none: No such file or directory");
  EXPECT_EQ(failure("net.ipv4.ip_forward", "perhaps"),
            "sysctl net.ipv4.ip_forward=perhaps: /proc/sys/net/ipv4/ip_forward: write: Invalid argument");
  EXPECT_FALSE(has_sysctl("net.ipv4.none"));
  EXPECT_THROW(read_sysctl("net.ipv4.none"), base::Error);
}

}  // namespace
