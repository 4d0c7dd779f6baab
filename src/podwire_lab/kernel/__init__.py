"""What the lab uses of Linux: namespaces, netlink, nftables, connection tracking, tunnels."""
