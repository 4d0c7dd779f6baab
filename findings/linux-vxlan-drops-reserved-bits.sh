#!/bin/sh
# Linux (seen: 6.18) with scapy 2.8.0 as sender: a VXLAN device drops every packet whose header has a reserved bit set.
#
# RFC 7348, section 5, says of each reserved field that it is zero when sent and ignored when received, so that later
# versions can use it. The kernel takes a packet with an unknown bit for a malformed one (vxlan_rcv in
# drivers/net/vxlan/vxlan_core.c, which calls this a divergence from the RFC). It counts it as an error of the device and
# tells nobody: a sender that begins to use such a bit loses its Linux peers and no other one.
#
# Seen, of three packets each: no bit set: 3 received; a bit of the flags, of the 24 bits behind the flags, or of the
# last byte: 0 received, 3 errors. Exit code 0 as long as that is so.
# Needs python3 with venv, ip (iproute2) and unprivileged user namespaces with the vxlan module.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install scapy==2.8.0
cat >"$work/send.py" <<'PY'
import socket, sys
from scapy.all import IP, UDP, Ether
from scapy.layers.vxlan import VXLAN
mac, kind = sys.argv[1:]
bits = {"none": {}, "flags": {"flags": 0x09}, "behind the flags": {"reserved1": 1}, "last byte": {"reserved2": 1}}[kind]
packet = VXLAN(**{"flags": 0x08, "vni": 7, **bits}) / Ether(dst=mac, src="02:00:00:00:00:09") / IP(dst="10.8.0.2") / UDP()
data = bytes(packet)
expected = {"none": (8, 0, 0), "flags": (9, 0, 0), "behind the flags": (8, 1, 0), "last byte": (8, 0, 1)}[kind]
assert (data[0], int.from_bytes(data[1:4], "big"), data[7]) == expected, data[:8].hex()
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(3):
    sender.sendto(data, ("10.9.0.2", 4789))
PY
cat >"$work/run.sh" <<'EOS'
ip link add near type veth peer name far
unshare --net sleep 120 &
peer=$!
trap 'kill $peer' EXIT
while [ "$(readlink /proc/$peer/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do :; done
there() { nsenter --target $peer --net "$@"; }
ip link set far netns $peer
ip address add 10.9.0.1/24 dev near
ip link set near up
there ip address add 10.9.0.2/24 dev far
there ip link set far up
there ip link add vx0 address 02:00:00:00:00:08 type vxlan id 7 local 10.9.0.2 dstport 4789
there ip link set vx0 up
count() { there cat /proc/net/dev | sed -n "s/^ *vx0: *//p" | awk '{print $2, $3}'; }
status=0
for kind in none flags "behind the flags" "last byte"; do
    before=$(count)
    "$1/venv/bin/python" "$1/send.py" 02:00:00:00:00:08 "$kind"
    tries=0
    until [ "$(count)" != "$before" ] || [ $tries -ge 50 ]; do tries=$((tries + 1)); sleep 0.1; done
    sleep 0.5
    after=$(count)
    received=$((${after% *} - ${before% *})) errors=$((${after#* } - ${before#* }))
    echo "a reserved bit set: $kind: $received of 3 received, $errors errors"
    if [ "$kind" = none ]; then right="3 0"; else right="0 3"; fi
    [ "$received $errors" = "$right" ] || status=1
done
exit $status
EOS
unshare --user --map-root-user --net sh -eu "$work/run.sh" "$work"
