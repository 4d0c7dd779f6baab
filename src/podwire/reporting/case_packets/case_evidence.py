"""The packets of one case of a stored run, as text: every field, the packets that decided, the line for tshark."""

from __future__ import annotations

import difflib
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from podwire.gating.rejudge import Today
from podwire.judging.decisive import Decisive, decisive_packets
from podwire.packets.dissect import VXLAN_PORTS, packet_of
from podwire.packets.pcap import Frame, read_frames
from podwire.records.files import load_record
from podwire.records.observation_files import read_observations
from podwire.records.run import CaseRecord, RunRecord
from podwire.redaction import redacted
from podwire.reporting.decode_text import packet_line
from podwire.reporting.words import message
from podwire.visible import visible

_PCAP = ".pcap"
MARK = ">>>"


def evidence_text(run: Path, case_id: str, point: str = "") -> Iterator[str]:
    """The lines for a person: the verdict, then the packets of the points that decided, or of `point`.

    Raises:
        ValueError: the run has no such case, kept no packets of it, or has none of this point; the text is one line.
    """
    record = load_record(run)
    folder = run if run.is_dir() else run.parent
    case = _case(record, case_id)
    files = _files(case, folder)
    if point and point not in files:
        raise ValueError(f"{point}: no packets of {case.id} were kept there; use one of: {', '.join(files)}")
    decisive, note = _decisive(record, case, folder)
    deciding = [name for name in files if any(place == name for place, _, _ in decisive)]
    chosen = [point] if point else deciding or list(files)
    ports = vxlan_ports(record)
    yield f"{case.id}: {case.verdict.outcome}"
    yield from filter(None, (_line(message(case)), _sent(case), note))
    for name in chosen:
        yield ""
        yield from _of_point(name, files[name], [entry for entry in decisive if entry[0] == name], ports)
    others = [name for name in files if name not in chosen]
    if others:
        yield ""
        yield f"also kept: {', '.join(others)}"


def _sent(case: CaseRecord) -> str:
    """The packets that the suite wrote, if it did."""
    sends = case.parameters.get("sends", "")
    return f"sent: {_line(sends)}" if sends else ""


def vxlan_ports(record: RunRecord) -> frozenset[int]:
    """The UDP ports that are VXLAN in the cluster of this record."""
    tunnel = record.facts.network.encapsulation
    return VXLAN_PORTS | {tunnel.port} if tunnel and tunnel.kind == "vxlan" and tunnel.port else VXLAN_PORTS


def _case(record: RunRecord, case_id: str) -> CaseRecord:
    cases = {case.id: case for case in record.cases}
    if case_id in cases:
        return cases[case_id]
    if case_id in record.missing:
        raise ValueError(f"{case_id}: run {record.run_id} planned this case and has no result of it")
    near = difflib.get_close_matches(case_id, cases, n=1)
    guess = f"did you mean {near[0]}?" if near else "`podwire summary RUN` lists those that are red"
    raise ValueError(f"{case_id}: run {record.run_id} has no such case; {guess}")


def _files(case: CaseRecord, folder: Path) -> Mapping[str, Path]:
    """The capture files of a case by point."""
    files = {Path(name).stem: folder / name for name in case.evidence if name.endswith(_PCAP)}
    if not files:
        raise ValueError(f"{case.id}: the run kept no packets of this case; run it again with --evidence all")
    return files


def _decisive(record: RunRecord, case: CaseRecord, folder: Path) -> tuple[tuple[Decisive, ...], str]:
    """The packets that decided, and a line where that cannot be told."""
    try:
        rounds = [stored for stored in read_observations(record, folder) if stored.case.id == case.id]
        expected = Today.of(record).expected(case.id, rounds) if rounds else None
    except ValueError as problem:
        return (), f"no packet is marked: {_line(str(problem))}"
    if expected is None:
        return (), "no packet is marked: the suites of today have no such case, or the run has no observation of it"
    planned, expectation = expected
    packets = decisive_packets(planned, expectation, rounds[case.decisive_round].observation)
    return packets, "" if packets else "no packet is marked: none decided, for none came or an answer decided"


def _of_point(point: str, file: Path, decisive: Sequence[Decisive], ports: frozenset[int]) -> Iterator[str]:
    from podwire.reporting.case_packets.packet_show import shown

    frames = _frames(file)
    yield f"{point}: {len(frames)} packet{'' if len(frames) == 1 else 's'}; {MARK} marks what decided; {file}"
    if shutil.which("tshark"):
        yield tshark_line(file, ports)
    zero = frames[0].at_ns / 1e9 if frames else 0.0
    for number, frame in enumerate(frames, 1):
        packet = packet_of(frame, ports)
        findings = {finding for _, seen, finding in decisive if (seen.at, seen.length) == (packet.at, packet.length)}
        yield ""
        yield f"{MARK if findings else '   '} {number}. {_line(packet_line(packet, zero=zero))}"
        yield from (f"{MARK}    {_line(f'expected {finding.expected}: {finding.actual}')}" for finding in findings)
        yield from (f"       {_line(line, keep=True)}" for line in shown(frame.data, ports))


def tshark_line(file: Path, ports: frozenset[int]) -> str:
    """The command that shows the same packets with tshark."""
    decode = [word for port in sorted(ports) for word in ("-d", f"udp.port=={port},vxlan")]
    return shlex.join(["tshark", "-r", str(file), "-V", *decode])


def _frames(file: Path) -> list[Frame]:
    try:
        return list(read_frames(file.read_bytes()))
    except OSError as problem:
        raise ValueError(f"{file}: {problem.strerror or problem}") from None
    except ValueError as problem:
        raise ValueError(f"{file}: {problem}") from None


def _line(text: str, *, keep: bool = False) -> str:
    """A text as one line without secrets; `keep` keeps its blanks."""
    return visible(redacted(text if keep else " ".join(text.split())))
