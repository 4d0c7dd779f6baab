#!/bin/sh
# Linux (seen: 6.18) with nftables 1.0.6-2+deb12u2: "masquerade fully-random" takes the new port from the old port's class.
#
# A flow whose source port is below 512 gets a port of 1 to 511, one from 512 to 1023 a port of 600 to 1023, and any
# other one a port of 1024 to 65535 (nf_nat_l4proto_unique_tuple in net/netfilter/nf_nat_core.c). The node's
# ip_local_port_range has no part in it. So a client that asks from port 53, 123 or 500 leaves the node with a privileged
# port, which a server or a firewall may trust; and all such clients of a node share 511 ports to one destination: the
# flow after the 511th is dropped without an error, while tens of thousands of ports are free.
#
# Seen, 200 clients for each source port, one destination: port 53: 200 arrive, from 1 to 511; port 700: 200, from 600
# to 1023; port 40000: 200, from above 1023; then 400 more from port 123: 311 arrive. Exit code 0 as long as that is so.
# Needs apt-get, dpkg-deb, python3, ip (iproute2) and unprivileged user namespaces with nf_nat.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq download nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 libnftnl11 libmnl0 libjansson4 libedit2 libbsd0 libmd0 \
    libgmp10 libxtables12 libtinfo6
for package in *.deb; do dpkg-deb -x "$package" root; done
libraries=$(find "$work/root" -name 'lib*.so*' -printf '%h\n' | sort -u | paste -sd:)
printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$libraries" "$work/root/usr/sbin/nft" >nft
chmod +x nft
cat >server.py <<'PY'
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("10.2.0.2", 9999))
server.settimeout(20)
open("ready", "w").close()
arrived = {}
data = b""
while data != b"end":
    data, (_, port) = server.recvfrom(100)
    arrived.setdefault(data.decode(), []).append(port)
del arrived["end"]
for source, ports in arrived.items():
    print(f"source port {source}: {len(ports)} arrived, from ports {min(ports)} to {max(ports)}")
bounds = {"53": (200, 1, 511), "700": (200, 600, 1023), "40000": (200, 1024, 65535), "123": (311, 1, 511)}
right = {
    source: len(arrived[source]) == count and low <= min(arrived[source]) and max(arrived[source]) <= high
    for source, (count, low, high) in bounds.items()
}
sys.exit(not all(right.values()))
PY
cat >client.py <<'PY'
import socket
for source, flows in ((53, 200), (700, 200), (40000, 200), (123, 400)):
    for number in range(flows):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind((f"10.1.{number // 200}.{number % 200 + 2}", source))
            client.sendto(str(source).encode(), ("10.2.0.2", 9999))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.bind(("10.1.0.2", 50000))
    client.sendto(b"end", ("10.2.0.2", 9999))
PY
cat >run.sh <<'EOS'
unshare --net sleep 120 &
client=$!
unshare --net sleep 120 &
server=$!
trap 'kill $client $server' EXIT
for process in $client $server; do
    while [ "$(readlink /proc/$process/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do :; done
done
at_client() { nsenter --target $client --net "$@"; }
at_server() { nsenter --target $server --net "$@"; }
ip link add clients type veth peer name eth0 netns $client
ip link add servers type veth peer name eth0 netns $server
ip address add 10.1.255.1/16 dev clients
ip link set clients up
ip address add 10.2.0.1/24 dev servers
ip link set servers up
echo 1 >/proc/sys/net/ipv4/ip_forward
for number in $(seq 2 201); do printf 'address add 10.1.%s/16 dev eth0\n' 0.$number 1.$number; done >addresses
at_client ip -batch addresses
at_client ip link set eth0 up
at_client ip route add default via 10.1.255.1
at_server ip address add 10.2.0.2/24 dev eth0
at_server ip link set eth0 up
./nft add table ip t
./nft add chain ip t out '{ type nat hook postrouting priority 100; }'
./nft add rule ip t out oifname servers masquerade fully-random
at_server python3 server.py &
judge=$!
tries=0
until [ -e ready ] || [ $tries -ge 100 ]; do tries=$((tries + 1)); sleep 0.1; done
at_client python3 client.py
wait $judge
EOS
unshare --user --map-root-user --net sh -eu run.sh
