#!/bin/sh
# nftables 1.0.6-2+deb12u2 (Debian 12): a large ruleset that root loads is refused as a whole in a user namespace.
#
# nft sends one transaction as one netlink message and asks for a send buffer of that size with SO_SNDBUFFORCE, which
# needs CAP_NET_ADMIN in the first user namespace (socket(7)). In any other one the buffer stays within
# net.core.wmem_max, and the kernel answers EMSGSIZE, "Message too long": nothing of the ruleset is loaded, though the
# process is root in its namespaces and every rule of it is right. The limit is one of bytes of a transaction, not of
# rules: the same rules in several calls of nft are all taken. A message is some ten times the text of its rule.
#
# Seen (net.core.wmem_max 4194304): 8,000 rules in one file: refused with "Message too long", no table is there
# afterwards; the same rules in 16 files of 500: all 8,000 are there. Exit code 0 as long as that is so.
# Needs apt-get, dpkg-deb, python3 and unprivileged user namespaces. net.core.wmem_max above 6 MB hides it.
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
python3 - <<'PY'
rules = [f"ip daddr 10.{n // 250}.{n % 250}.1 tcp dport {1000 + n} counter accept" for n in range(8000)]
table = "add table ip t\nadd chain ip t c\n"
open("whole", "w").write(table + "".join(f"add rule ip t c {rule}\n" for rule in rules))
for part in range(16):
    some = rules[part * 500 : (part + 1) * 500]
    open(f"part{part:02}", "w").write(table + "".join(f"add rule ip t c {rule}\n" for rule in some))
PY
unshare --user --map-root-user --net sh -eu -c '
    if ./nft -f whole 2>said; then echo "one transaction of 8,000 rules was taken: the behaviour changed"; exit 1; fi
    grep -q "Message too long" said
    [ -z "$(./nft list tables)" ]
    for part in part*; do ./nft -f "$part"; done
    found=$(./nft list chain ip t c | grep -c counter)
    echo "one transaction of 8,000 rules: Message too long, nothing loaded; 16 transactions of 500: $found rules"
    [ "$found" -eq 8000 ]
'
