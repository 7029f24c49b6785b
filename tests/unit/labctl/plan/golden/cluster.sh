#!/bin/sh -e
# The objects of the lab cluster, as a person would make them; to be run by root.
# To remove them: "ip netns del" for switch and each node.
ip netns add switch
ip -n switch link add lan address 02:9e:78:f3:19:d4 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
ip -n switch link set lan up
ip netns add client
ip -n client link set lo up
ip netns exec client sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns add cp
ip -n cp link set lo up
ip netns exec cp sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns add worker1
ip -n worker1 link set lo up
ip netns exec worker1 sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns add worker2
ip -n worker2 link set lo up
ip netns exec worker2 sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n switch link add client.lan address 22:d5:04:a5:45:70 numtxqueues 1 numrxqueues 1 type veth peer name lan address 6e:24:6c:7a:0f:8a netns client
ip -n switch link set client.lan master lan up
ip -n client address add 192.168.113.102/24 dev lan
ip -n client link set lan up
ip -n switch link add cp.lan address 6a:36:6d:f4:2c:fe numtxqueues 1 numrxqueues 1 type veth peer name lan address 66:34:64:03:04:ac netns cp
ip -n switch link set cp.lan master lan up
ip -n cp address add 192.168.113.10/24 dev lan
ip -n cp link set lan up
ip -n switch link add worker1.eth0 address 9a:b4:db:0c:99:15 numtxqueues 1 numrxqueues 1 type veth peer name eth0 address fe:56:9c:9e:b0:24 netns worker1
ip -n switch link set worker1.eth0 master lan up
ip -n worker1 address add 192.168.113.11/24 dev eth0
ip -n worker1 link set eth0 up
ip -n switch link add worker2.lan address be:82:10:c9:de:9f numtxqueues 1 numrxqueues 1 type veth peer name lan address d2:3f:e6:46:2e:7e netns worker2
ip -n switch link set worker2.lan master lan up
ip -n worker2 address add 192.168.113.12/24 dev lan
ip -n worker2 link set lan up
# What runs in it, and the names in /etc/hosts, are not objects of the kernel; labctl plan lists them:
#   apiserver@cp
#   controller@cp
#   overlay@cp
#   overlay@worker1
#   overlay@worker2
#   proxy@cp
#   proxy@worker1
#   proxy@worker2
#   nodelet@cp
#   nodelet@worker1
#   nodelet@worker2
#   kube-apply@cp
#   extra@worker1
