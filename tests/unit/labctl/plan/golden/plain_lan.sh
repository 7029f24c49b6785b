#!/bin/sh -e
# The objects of the lab plain-lan, as a person would make them; to be run by root.
# To remove them: "ip netns del" for switch-0 and each node.
ip netns add switch-0
ip -n switch-0 link add lan address 02:9e:78:f3:19:d4 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
ip -n switch-0 link set lan up
ip -n switch-0 link add wan mtu 1400 address 72:e9:bb:c8:19:61 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
ip -n switch-0 link set wan up
ip netns add client
ip -n client link set lo up
ip netns exec client sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns add router
ip -n router link set lo up
ip netns add switch
ip -n switch link set lo up
ip netns exec switch sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n switch-0 link add client.lan address 22:d5:04:a5:45:70 numtxqueues 1 numrxqueues 1 type veth peer name lan address 6e:24:6c:7a:0f:8a netns client
ip -n switch-0 link set client.lan master lan up
ip -n client address add 192.168.1.2/24 dev lan
ip -n client link set lan up
ip -n client route add default via 192.168.1.1
ip -n switch-0 link add router.lan address e2:11:5f:9d:cb:c3 numtxqueues 1 numrxqueues 1 type veth peer name lan address 16:20:18:b9:bf:f6 netns router
ip -n switch-0 link set router.lan master lan up
ip -n switch-0 link add router.wan mtu 1400 address ce:ba:df:68:cb:02 numtxqueues 1 numrxqueues 1 type veth peer name wan address 02:00:00:00:00:01 netns router
ip -n switch-0 link set router.wan master wan up
ip -n router link set wan mtu 1400
ip -n router address add 192.168.1.1/24 dev lan
ip -n router address add fd00:1::1/64 dev lan nodad
ip -n router link set lan up
ip -n router address add 10.9.0.1/30 dev wan
ip -n router link set wan up
ip -n router route add 10.20.0.0/16 via 10.9.0.2 metric 50
ip -n router route add 10.30.0.0/16 via 172.16.0.1 dev wan onlink
ip -n router route add 10.40.0.0/16 dev lan src 192.168.1.1
ip -n router route add ::/0 dev lan
ip netns exec router sysctl -qw net.ipv4.ip_forward=1
ip netns exec router sysctl -qw 'net.ipv4.tcp_rmem=4096 87380 6291456'
ip -n switch-0 link add switch.wan mtu 1400 address 62:8d:e1:dc:25:2a numtxqueues 1 numrxqueues 1 type veth peer name wan address 06:7c:f9:0e:ae:71 netns switch
ip -n switch-0 link set switch.wan master wan up
ip -n switch link set wan mtu 1400
ip -n switch address add 10.9.0.2/30 dev wan
ip -n switch link set wan up
# What runs in it, and the names in /etc/hosts, are not objects of the kernel; labctl plan lists them:
#   web@switch
#   late@switch
