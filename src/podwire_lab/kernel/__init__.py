"""The lab's use of Linux: namespaces, netlink, nftables, connection tracking, tunnels."""
