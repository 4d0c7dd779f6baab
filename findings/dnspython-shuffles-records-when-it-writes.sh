#!/bin/sh
# dnspython 2.8.0 (PyPI): the records of a set leave in another order each time that a message is written.
#
# A DNS server built on dnspython that answers with the addresses of a headless Service, or with SRV records, cannot give
# them an order: Message.to_wire() shuffles the records of every set, although the set itself keeps the order in which
# they were added. A test that compares answers byte by byte, or by the first address, fails at random; a cache or load
# balancer that must rotate cannot tell its own rotation from the library's.
#
# Seen (Python 3.11): 40 writes of one answer with six addresses give many orders; the set's own order never changes.
# Exit code 0 as long as that is so, 1 when it changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q --disable-pip-version-check dnspython==2.8.0
cat >"$work/try.py" <<'PY'
import dns.message
import dns.rrset

ADDRESSES = [f"10.244.1.{at}" for at in range(2, 8)]
answer = dns.message.make_response(dns.message.make_query("web.default.svc.cluster.local.", "A"))
answer.answer.append(dns.rrset.from_text("web.default.svc.cluster.local.", 5, "IN", "A", *ADDRESSES))
in_set = {tuple(record.address for record in answer.answer[0]) for _ in range(40)}
on_wire = {
    tuple(record.address for record in dns.message.from_wire(answer.to_wire()).answer[0]) for _ in range(40)
}
print(f"orders in the set: {len(in_set)}; orders on the wire in 40 writes: {len(on_wire)}")
assert in_set == {tuple(ADDRESSES)}
assert len(on_wire) > 1, "the order on the wire is stable now"
PY
"$work/venv/bin/python" "$work/try.py"
