#!/bin/sh
# Linux (seen: 6.18) with scapy 2.8.0 as reader: a VXLAN device sends a packet with "congestion experienced" as ECT(0).
#
# RFC 6040, section 4.1, has an encapsulator copy the ECN field of the packet inside to the outer header, CE too. The
# kernel copies ECT(0), ECT(1) and Not-ECT, and turns CE into ECT(0) (INET_ECN_encapsulate in include/net/inet_ecn.h,
# which follows RFC 3168). The packet inside keeps its mark, so nothing is lost; but who reads outer headers only counts
# no congestion before the tunnel, and a test that wants outer == inner fails on a right node for one of four values.
#
# Seen, inner -> outer: 0 -> 0, 1 -> 1, 2 -> 2, 3 -> 2. Exit code 0 as long as that is so.
# Needs python3 with venv, ip (iproute2) and unprivileged user namespaces with the vxlan module.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install scapy==2.8.0
cat >"$work/ecn.py" <<'PY'
import socket, sys
from scapy.all import IP, UDP, Ether
from scapy.layers.vxlan import VXLAN
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
wire.bind(("near", 0))
wire.settimeout(5)
seen = []
for mark in range(4):
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, mark)
    sender.sendto(b"marked", ("10.8.0.2", 9999))
    while True:
        frame = Ether(wire.recv(2048))
        if VXLAN in frame and UDP in frame[VXLAN] and bytes(frame[VXLAN][UDP].payload) == b"marked":
            break
    seen.append((frame[VXLAN][IP].tos & 3, frame[IP].tos & 3))
    print("ECN inside %d, outside %d" % seen[-1])
sys.exit(seen != [(0, 0), (1, 1), (2, 2), (3, 2)])
PY
cat >"$work/run.sh" <<'EOS'
ip link add near type veth peer name far
ip address add 10.9.0.1/24 dev near
ip link set near up
ip link set far up
ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev near
ip link add vx0 type vxlan id 7 remote 10.9.0.2 dstport 4789
ip address add 10.8.0.1/24 dev vx0
ip link set vx0 up
ip neigh add 10.8.0.2 lladdr 02:00:00:00:00:08 dev vx0
"$1/venv/bin/python" "$1/ecn.py"
EOS
unshare --user --map-root-user --net sh -eu "$work/run.sh" "$work"
