#!/bin/sh -e
# The objects of the lab wires, as a person would make them; to be run by root.
# To remove them: "ip netns del" for switch and each node.
ip netns add switch
ip netns add left
ip -n left link set lo up
ip netns add right
ip -n right link set lo up
ip -n left link add wire mtu 1400 address 52:fa:bb:00:05:30 numtxqueues 1 numrxqueues 1 type veth peer name wire address 3a:d6:c3:1d:6f:02 netns right
ip -n right link set wire mtu 1400
ip -n left link add a-cable-scgbh2u address 6a:e1:ea:72:0a:1b numtxqueues 1 numrxqueues 1 type veth peer name a-cable-scgbh2u address 7e:64:26:44:95:a2 netns right
ip -n left link property add dev a-cable-scgbh2u altname a-cable-with-a-long-name
ip -n right link property add dev a-cable-scgbh2u altname a-cable-with-a-long-name
ip -n left link add mac0 link wire address a2:b0:73:a2:2d:26 type macvlan mode private
ip -n left link add wire.7 link wire address 76:f8:34:c2:eb:68 type vlan id 7
ip -n left link add ipip0 type ipip local 10.0.0.1 remote 10.0.0.2 dev wire ttl 64
ip -n left link add gre0 mtu 1300 type gre local 10.0.0.1 remote 10.0.0.2 key 42
ip -n left tuntap add dev tun0 mode tun
ip -n left tuntap add dev tap0 mode tap
ip -n left link set tap0 address be:d8:ee:3b:ff:8e
ip -n left link set tap0 mtu 1400
ip -n left address add 10.0.0.1/24 dev wire
ip -n left address add fd00::1/64 dev wire nodad
ip -n left link set wire up
tc -n left qdisc replace dev wire root tbf rate 8mbit burst 10000 limit 60000
ip -n left address add 10.1.0.1/24 dev a-cable-scgbh2u
ip -n left link set a-cable-scgbh2u up
ip -n left address add 10.0.0.11/24 dev mac0
ip -n left link set mac0 up
ip -n left address add 10.7.0.1/24 dev wire.7
ip -n left link set wire.7 up
ip -n left address add 10.8.0.1/30 dev ipip0
ip -n left link set ipip0 up
ip -n left address add 10.9.0.1/30 dev gre0
ip -n left link set gre0 up
ip -n left address add 10.20.0.1/24 dev tun0
ip -n left link set tun0 up
ip -n left link set tap0 up
ip -n left route add default via 10.0.0.2 table 100
ip -n left route add 10.30.0.0/16 via 10.0.0.2 mtu 1200
ip -n left route add blackhole 10.40.0.0/16
ip -n left route add unreachable fd00:40::/64
ip -n left rule add from 10.20.0.0/24 lookup 100 priority 1000
ip -n left -6 rule add from all to fd00:40::/64 iif a-cable-scgbh2u lookup main priority 1001
ip -n left rule add from all fwmark 0x10/0xf0 lookup 100 priority 1002
ip netns exec left iptables-restore <<'END'
*filter
-A INPUT -p tcp --dport 23 -j DROP
COMMIT
END
ip netns exec left ip6tables-restore <<'END'
*filter
-A INPUT -p tcp --dport 23 -j DROP
COMMIT
END
ip -n right address add 10.0.0.2/24 dev wire
ip -n right address add fd00::2/64 dev wire nodad
ip -n right link set wire up
ip -n right address add 10.1.0.2/24 dev a-cable-scgbh2u
ip -n right link set a-cable-scgbh2u up
