#!/bin/sh
# nftables 1.0.6-2+deb12u2 (Debian 12): the JSON of a Service ruleset cannot be loaded again; its text can.
#
# kube-proxy's nftables mode keeps Services in verdict maps: address, protocol, port -> goto chain. "nft -j list ruleset"
# puts maps with their elements before the chains that these name, and "nft -j -f" works through the list in order, so
# the kernel answers "No such file or directory" and nothing is loaded. A map whose data is an address with a port is
# written as "map": "ipv4_addr . inet_service", though its key is a list of types; "nft -j -f" refuses that string. And
# the comment of a map and a set's auto-merge are lost on the way without a word. A tool that stores a node's rules as
# JSON, to put them back later, has a file that it cannot use. Text (nft list ruleset, nft -f) keeps all four.
#
# Seen: verdict map: refused by JSON; map to address and port: refused; comment of a map, auto-merge of a set: gone; as
# text each is the same after a reload. Exit code 0 as long as that is so.
# Needs apt-get, dpkg-deb and unprivileged user namespaces.
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
cat >verdict-map <<'EOF'
table ip t {
    chain service { accept; }
    map services { type ipv4_addr . inet_proto . inet_service : verdict; elements = { 10.96.0.1 . tcp . 443 : goto service }; }
}
EOF
cat >map-to-address-and-port <<'EOF'
table ip t { map m { type ipv4_addr . inet_service : ipv4_addr . inet_service; }; }
EOF
cat >comment-of-a-map <<'EOF'
table ip t { map m { type ipv4_addr : verdict; comment "Services without endpoints"; }; }
EOF
cat >auto-merge-of-a-set <<'EOF'
table ip t { set s { type ipv4_addr; flags interval; auto-merge; elements = { 10.0.0.0/8 }; }; }
EOF
cat >run.sh <<'EOS'
status=0
for rules in verdict-map map-to-address-and-port comment-of-a-map auto-merge-of-a-set; do
    ./nft flush ruleset
    ./nft -f $rules
    ./nft list ruleset >before
    ./nft -j list ruleset >json
    ./nft flush ruleset
    ./nft -f before
    ./nft list ruleset | cmp -s - before && text=same || text=different
    ./nft flush ruleset
    if ./nft -j -f json 2>said; then
        ./nft list ruleset | cmp -s - before && json=same || json=different
    else
        json=refused
        grep . said | sed 's/^/    /'
        [ -z "$(./nft list ruleset)" ]
    fi
    echo "$rules: reloaded from text: $text, from JSON: $json"
    case $rules in
    verdict-map | map-to-address-and-port) right=refused ;;
    *) right=different ;;
    esac
    [ "$text $json" = "same $right" ] || status=1
done
exit $status
EOS
unshare --user --map-root-user --net sh -eu run.sh
