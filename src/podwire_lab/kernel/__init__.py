"""What the lab asks of Linux: namespaces, netlink, nftables, connection tracking, tunnels."""
