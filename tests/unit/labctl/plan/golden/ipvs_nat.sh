#!/bin/sh -e
# The objects of the lab ipvs-nat, as a person would make them; to be run by root.
# To remove them: "ip netns del" for switch and each node.
ip netns add switch
ip -n switch link add lan address 02:9e:78:f3:19:d4 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
ip -n switch link set lan up
ip netns add client
ip -n client link set lo up
ip netns exec client sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns add ds
ip -n ds link set lo up
ip netns exec ds sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns add rs1
ip -n rs1 link set lo up
ip netns exec rs1 sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns add rs2
ip -n rs2 link set lo up
ip netns exec rs2 sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n switch link add client.lan address 22:d5:04:a5:45:70 numtxqueues 1 numrxqueues 1 type veth peer name lan address 6e:24:6c:7a:0f:8a netns client
ip -n switch link set client.lan master lan up
ip -n client address add 192.168.113.102/24 dev lan
ip -n client link set lan up
ip -n client route add 10.10.0.1/32 via 192.168.113.101
ip -n switch link add ds.lan address 02:b8:12:28:71:5d numtxqueues 1 numrxqueues 1 type veth peer name lan address fa:b2:00:e1:fc:13 netns ds
ip -n switch link set ds.lan master lan up
ip -n ds link add vip0 address 6a:ee:9c:e9:82:82 type dummy
ip -n ds address add 192.168.113.101/24 dev lan
ip -n ds link set lan up
ip -n ds address add 10.10.0.1/32 dev vip0
ip -n ds link set vip0 up
ip netns exec ds sysctl -qw net.ipv4.ip_forward=1
ip netns exec ds sysctl -qw net.ipv4.vs.expire_nodest_conn=1
ip netns exec ds ipvsadm -A -t 10.10.0.1:8410 -s rr -p 300
ip netns exec ds ipvsadm -a -t 10.10.0.1:8410 -r 192.168.113.99:8080 -m -w 1
ip netns exec ds ipvsadm -a -t 10.10.0.1:8410 -r 192.168.113.100:8080 -m -w 3
ip netns exec ds ipvsadm -A -u 10.10.0.1:53 -s wlc
ip netns exec ds ipvsadm -a -u 10.10.0.1:53 -r 192.168.113.99:53 -i -w 1
ip -n switch link add rs1.lan address e6:4d:33:ac:3d:b3 numtxqueues 1 numrxqueues 1 type veth peer name lan address 0e:37:68:64:6e:1e netns rs1
ip -n switch link set rs1.lan master lan up
ip -n rs1 address add 192.168.113.99/24 dev lan
ip -n rs1 link set lan up
ip -n switch link add rs2.lan address e2:a0:ff:5b:3a:5c numtxqueues 1 numrxqueues 1 type veth peer name lan address da:21:c3:85:84:ed netns rs2
ip -n switch link set rs2.lan master lan up
ip -n rs2 address add 192.168.113.100/24 dev lan
ip -n rs2 link set lan up
# What runs in it, and the names in /etc/hosts, are not objects of the kernel; labctl plan lists them:
#   web@rs1
#   web@rs2
