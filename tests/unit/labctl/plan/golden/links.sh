#!/bin/sh -e
# The objects of the lab links, as a person would make them; to be run by root.
# To remove them: "ip netns del" for switch and each node.
ip netns add switch
ip -n switch link add lan address 02:9e:78:f3:19:d4 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
ip -n switch link set lan up
ip -n switch link add a-netwo-hrnskq6 address 1a:bd:1f:f0:22:6f type bridge stp_state 0 forward_delay 0 mcast_snooping 0
ip -n switch link property add dev a-netwo-hrnskq6 altname a-network-with-a-long-name
ip -n switch link set a-netwo-hrnskq6 up
ip netns add left
ip -n left link set lo up
ip netns exec left sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns add a-machine-with-a-long-name
ip -n a-machine-with-a-long-name link set lo up
ip netns exec a-machine-with-a-long-name sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n switch link add left.lan address 36:43:1f:bd:e7:46 numtxqueues 1 numrxqueues 1 type veth peer name lan address 6a:73:4c:81:c3:52 netns left
ip -n switch link set left.lan master lan up
ip -n left link add vx0 mtu 1400 address 32:1c:95:02:c4:34 type vxlan id 7 dstport 4789 local 192.168.1.1 dev lan nolearning
ip -n switch link add left.a--mlnzcqs address ae:37:61:d7:3e:a1 numtxqueues 1 numrxqueues 1 type veth peer name a-netwo-hrnskq6 address 7e:6c:1b:5c:32:e1 netns left
ip -n switch link set left.a--mlnzcqs master a-netwo-hrnskq6 up
ip -n switch link property add dev left.a--mlnzcqs altname left.a-network-with-a-long-name
ip -n left link property add dev a-netwo-hrnskq6 altname a-network-with-a-long-name
ip -n left link add br0 address 16:74:47:c7:c3:4c type bridge stp_state 0 forward_delay 0 mcast_snooping 0
ip -n left link set vx0 master br0 up
ip -n left link set a-netwo-hrnskq6 master br0 up
ip -n left address add 10.0.0.1/24 dev br0
ip -n left link set br0 up
ip -n left link set vx0 up
ip -n left address add 192.168.1.1/24 dev lan
ip -n left link set lan up
ip -n left link set a-netwo-hrnskq6 up
ip -n switch link add a-machi-hpiz4jk address 9e:09:e2:af:77:fe numtxqueues 1 numrxqueues 1 type veth peer name lan address c2:c9:b4:b0:c9:aa netns a-machine-with-a-long-name
ip -n switch link set a-machi-hpiz4jk master lan up
ip -n switch link property add dev a-machi-hpiz4jk altname a-machine-with-a-long-name.lan
ip -n a-machine-with-a-long-name link add the-oth-6t7g3ua address 4a:ab:88:93:5b:4b type vxlan id 7 dstport 8472 dev lan
ip -n a-machine-with-a-long-name link property add dev the-oth-6t7g3ua altname the-other-end-of-the-tunnel
ip -n a-machine-with-a-long-name address add 192.168.1.2/24 dev lan
ip -n a-machine-with-a-long-name link set lan up
ip -n a-machine-with-a-long-name address add 10.0.0.2/24 dev the-oth-6t7g3ua
ip -n a-machine-with-a-long-name link set the-oth-6t7g3ua up
ip -n a-machine-with-a-long-name route add 10.1.0.0/16 dev the-oth-6t7g3ua
