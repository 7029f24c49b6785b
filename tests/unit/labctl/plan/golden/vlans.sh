#!/bin/sh -e
# The objects of the lab vlans, as a person would make them; to be run by root.
# To remove them: "ip netns del" for switch-0 and each node.
ip netns add switch-0
ip -n switch-0 link add left address 2a:94:e2:a0:18:49 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
ip -n switch-0 link set left up
ip -n switch-0 link add right address 36:10:5c:90:52:3c type bridge stp_state 0 forward_delay 0 mcast_snooping 0
ip -n switch-0 link set right up
ip netns add switch
ip -n switch link set lo up
ip netns exec switch sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n switch-0 link add switch.left address 26:06:58:30:fd:79 numtxqueues 1 numrxqueues 1 type veth peer name left address b6:dd:f5:e6:0a:e9 netns switch
ip -n switch-0 link set switch.left master left up
ip -n switch-0 link add switch.right address 3e:e2:a4:5a:6f:51 numtxqueues 1 numrxqueues 1 type veth peer name right address aa:8a:d0:f1:13:f3 netns switch
ip -n switch-0 link set switch.right master right up
ip -n switch link add br0 address 5a:52:b6:43:ae:12 type bridge stp_state 0 forward_delay 0 mcast_snooping 0 vlan_filtering 1
bridge -n switch vlan del vid 1 dev br0 self
bridge -n switch vlan add vid 10 pvid untagged dev br0 self
ip -n switch link set left master br0 up
ip -n switch link set right master br0 up
bridge -n switch vlan del vid 1 dev right
bridge -n switch vlan add vid 10 pvid untagged dev right
bridge -n switch vlan add vid 20 dev right
bridge -n switch vlan add vid 30 dev right
ip -n switch link set left up
tc -n switch qdisc replace dev left root netem delay 10ms 2ms loss 1% duplicate 0.1% reorder 25% rate 10mbit
ip -n switch link set right up
ip -n switch link set br0 up
ip netns exec switch ipset restore <<'END'
create banned hash:ip
END
ip netns exec switch iptables-restore <<'END'
*filter
-A INPUT -m set --match-set banned src -j DROP
-A INPUT -m ipvs --ipvs -j ACCEPT
COMMIT
END
ip netns exec switch nft -f - <<'END'
table inet filter {
  chain input { type filter hook input priority 0; }
}
END
