"""What a suite is written with: decorators that tie a test to its requirement and its flows, and `case.expect`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from podwire.model.cases import Asked, AskedInOrder, Expectation, Known, NotAsked
from podwire.model.flows import WINDOWS, Flow, Matrix, Peer
from podwire.model.patterns import Pattern
from podwire.model.spread import Spread
from podwire.model.symbols import Symbol

Test = TypeVar("Test", bound=Callable[..., None])
MARK = "podwire_test"


@dataclass(frozen=True, kw_only=True)
class SuiteTest:
    """A test function of a suite: its requirement, its matrices, and where it stands."""

    name: str
    module: str
    requirement: str
    matrices: tuple[Matrix, ...]
    function: Callable[..., None]


class Expects(Protocol):
    """The `case` of a test: it takes the expectation."""

    def expect(
        self,
        *,
        answered_by: Peer | None = None,
        refused: bool = False,
        silent: bool = False,
        unanswered: bool = False,
        resolves_to: Symbol | None = None,
        not_found: bool = False,
        answers_from: Symbol | None = None,
        seen_as: Any = None,
        spread: Spread | None = None,
        status: int | None = None,
        output: Symbol | str | None = None,
        exit_code: Any = None,
        hns_subnet_of: Symbol | None = None,
        hns_mode: Symbol | None = None,
        hns_endpoint_of: Peer | None = None,
        no_windows_nat_of: Peer | None = None,
        hns_load_balancers: int | None = None,
        hns_balances: Symbol | None = None,
        hns_dsr: bool = False,
        external_switch_of: Peer | None = None,
        on_card: Symbol | None = None,
        card_has: Symbol | None = None,
        cards: int | None = None,
        known: Sequence[Known] = (),
        at_dns: Sequence[Asked | AskedInOrder | NotAsked] = (),
        at_client: Sequence[Pattern] = (),
        on_wire: Sequence[Pattern] = (),
        at_server: Sequence[Pattern] = (),
        at_client_node: Sequence[Pattern] = (),
        at_entry_node: Sequence[Pattern] = (),
        at_server_node: Sequence[Pattern] = (),
        given_at_server_node: Pattern | None = None,
    ) -> None: ...


def requirement(identity: str) -> Callable[[Test], Test]:
    """The requirement of the catalogue that this test judges."""

    def mark(test: Test) -> Test:
        setattr(test, MARK, (identity, _matrices(test)))
        return test

    return mark


def flows(**axes: Any) -> Callable[[Test], Test]:
    """The flows that the test runs on: the product of the axes of `model.flows.Matrix`. May be given repeatedly."""
    several = {name: value if isinstance(value, tuple) else (value,) for name, value in axes.items() if name in _PLURAL}
    matrix = Matrix(**{**axes, **several})

    def mark(test: Test) -> Test:
        known = getattr(test, MARK, ("", ()))
        setattr(test, MARK, (known[0], (matrix, *known[1])))
        return test

    return mark


def each_windows_node_runs(tool: str, **axes: Any) -> Callable[[Test], Test]:
    """As `flows`: the host probe of each Windows node runs a tool of the agent; the server is a pod of that node.
    `axes` are others of the matrix."""
    return flows(
        client=WINDOWS,
        client_kind="host",
        server=WINDOWS,
        placement="same-node",
        via="pod-ip",
        protocol="tool",
        tool=tool,
        family="ipv4",
        every_node=True,
        **axes,
    )


_PLURAL = (
    "client",
    "server",
    "via",
    "protocol",
    "family",
    "placement",
    "payload",
    "controls",
    "service",
    "port",
    "enters",
    "entry_os",
    "unless_cni",
)


def _matrices(test: Callable[..., None]) -> tuple[Matrix, ...]:
    known = getattr(test, MARK, ("", ()))
    return tuple(known[1])


def asked(
    name: Symbol,
    answer: Symbol | None = None,
    *,
    of: Symbol | None = None,
    over: Literal["udp", "tcp"] | None = None,
    alias: Symbol | None = None,
) -> Asked:
    """The client asked a DNS server for this name, and got this answer; see `model.cases.Asked` for the rest."""
    return Asked(name=name, answer=answer, of=of, over=over, alias=alias)


def only_asked(name: Symbol, answer: Symbol | None = None) -> Asked:
    """As `asked`, and no other spelling of the name was tried."""
    return Asked(name=name, answer=answer, only=True)


def first_asked(name: Symbol, answer: Symbol | None = None) -> Asked:
    """As `asked`, and no other spelling of the name was tried before it."""
    return Asked(name=name, answer=answer, first=True)


def asked_in_order(*names: Symbol) -> AskedInOrder:
    """These names were tried in this order, each because there was no such name as the one before."""
    return AskedInOrder(names=names)


def not_asked(name: Symbol) -> NotAsked:
    """No question for this name was on the wire, in whatever spelling."""
    return NotAsked(name=name)


def known(symbol: Symbol, value: Any) -> Known:
    """A fact of the cluster that must be so, beside the packets that depend on it."""
    return Known(symbol=symbol, value=value)


def suite_test(function: Callable[..., None], module: str) -> SuiteTest | None:
    """The test behind a function of a suite, or None when it is not decorated."""
    known = getattr(function, MARK, None)
    if known is None:
        return None
    return SuiteTest(
        name=function.__name__, module=module, requirement=known[0], matrices=tuple(known[1]), function=function
    )


ENDS = ("answered_by", "refused", "silent", "unanswered", "resolves_to", "not_found")
"""What may become of an exchange; a test names one of them at most."""


def expectation(**parts: Any) -> Expectation:
    """An expectation from the words of `case.expect`; lists may be given as any sequence.

    Raises ValueError for parts of which one would never be judged.
    """
    frozen: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in parts.items()}
    made = Expectation(**frozen)
    ends = [name for name in ENDS if getattr(made, name)]
    if made == Expectation():
        raise ValueError("an expectation of nothing at all")
    if len(ends) > 1:
        raise ValueError(f"an exchange cannot end in two ways: {' and '.join(ends)}")
    if made.hns_dsr and made.hns_balances is None:
        raise ValueError("hns_dsr is asked of load balancers: hns_balances is missing")
    for name in ("answers_from", "seen_as"):
        if getattr(made, name) is not None and made.answered_by is None:
            raise ValueError(f"{name} is asked of an answer: answered_by is missing")
    return made


class _Recorder:
    """Takes an expectation and keeps it."""

    def __init__(self) -> None:
        self.expectation: Expectation | None = None

    def expect(self, **parts: Any) -> None:
        self.expectation = expectation(**parts)


def expectation_of(test: SuiteTest, flow: Flow) -> Expectation:
    """What the test expects of that flow, asked of the test itself.

    Raises ValueError when the test declares nothing, or what would never be judged.
    """
    recorder = _Recorder()
    test.function(flow=flow, case=recorder)
    if recorder.expectation is None:
        raise ValueError(f"{test.module}: {test.name} declares no expectation (case.expect was never called)")
    for name in ("answers_from", "seen_as") if flow.protocol == "icmp" else ():
        if getattr(recorder.expectation, name) is not None:
            # The peer of an echo is its target, and nobody tells how the server saw the client.
            raise ValueError(f"{test.module}: {test.name}: {name} says nothing of an echo; ask the packets")
    return recorder.expectation
