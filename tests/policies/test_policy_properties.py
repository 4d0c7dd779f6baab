"""What holds of every world of policies, found by hypothesis rather than by example."""

from changed import replace
from hypothesis import given, settings
from hypothesis import strategies as st

from podwire.policies.labels import Selector, Term
from podwire.policies.network_policy import DIRECTIONS, NetworkPolicy, Peer, Ports, Rule
from podwire.policies.oracle import decide
from podwire.policies.sentences import SENTENCES
from podwire.policies.world import Connection, NamedPort, Pod, World

LABELS = st.dictionaries(st.sampled_from(["app", "team"]), st.sampled_from(["red", "blue"]))
TERMS = st.builds(
    Term,
    key=st.sampled_from(["app", "team"]),
    operator=st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
    values=st.sampled_from([("red",), ("blue",), ("red", "blue")]),
)
SELECTORS = st.builds(Selector, terms=st.lists(TERMS, max_size=2).map(tuple))
BLOCKS = st.sampled_from(["10.0.0.0/8", "10.0.0.0/31", "10.0.0.1/32", "0.0.0.0/0", "::/0"])
PEERS = st.one_of(
    st.builds(Peer, pods=SELECTORS),
    st.builds(Peer, namespaces=SELECTORS),
    st.builds(Peer, pods=SELECTORS, namespaces=SELECTORS),
    st.builds(Peer, block=BLOCKS, excepted=st.lists(BLOCKS, max_size=1).map(tuple)),
)
PROTOCOLS = st.sampled_from(["TCP", "UDP", "SCTP"])
PORTS = st.one_of(
    st.builds(Ports, protocol=PROTOCOLS),
    st.builds(Ports, protocol=PROTOCOLS, name=st.sampled_from(["web", "other"])),
    st.tuples(PROTOCOLS, st.integers(80, 83), st.integers(0, 2)).map(
        lambda drawn: Ports(protocol=drawn[0], first=drawn[1], last=drawn[1] + drawn[2])
    ),
)
RULES = st.builds(Rule, peers=st.lists(PEERS, max_size=2).map(tuple), ports=st.lists(PORTS, max_size=2).map(tuple))
POLICIES = st.builds(
    NetworkPolicy,
    namespace=st.sampled_from(["x", "y"]),
    name=st.sampled_from(["one", "two", "three"]),
    pods=SELECTORS,
    directions=st.sampled_from([frozenset(DIRECTIONS), frozenset({"ingress"}), frozenset({"egress"})]),
    ingress=st.lists(RULES, max_size=2).map(tuple),
    egress=st.lists(RULES, max_size=2).map(tuple),
)
PODS = st.builds(
    Pod,
    name=st.sampled_from(["a", "b", "c"]),
    namespace=st.sampled_from(["x", "y"]),
    node=st.just("node"),
    labels=LABELS,
    addresses=st.sampled_from([("10.0.0.0",), ("10.0.0.1",), ("10.0.0.2",)]),
    ports=st.just((NamedPort(name="web", protocol="TCP", number=80),)),
)
NAMESPACES = st.fixed_dictionaries({"x": LABELS, "y": LABELS})
WORLDS = st.builds(World, namespaces=NAMESPACES, policies=st.lists(POLICIES, max_size=3).map(tuple))


@st.composite
def connections(draw):
    source, target = draw(PODS), draw(PODS)
    return Connection(
        source=source,
        target=target,
        source_ip=source.addresses[0],
        target_ip=target.addresses[0],
        protocol=draw(PROTOCOLS),
        port=draw(st.integers(79, 84)),
    )


def allowed(world, connection):
    return decide(world, connection).outcome == "allowed"


def with_policies(world, *policies):
    return replace(world, policies=tuple(policies))


@given(WORLDS, connections(), st.randoms())
def test_the_order_of_policies_and_rules_changes_no_outcome(world, connection, random):
    policies = [
        replace(policy, ingress=tuple(random.sample(policy.ingress, len(policy.ingress))))
        for policy in random.sample(world.policies, len(world.policies))
    ]
    assert decide(with_policies(world, *policies), connection).outcome == decide(world, connection).outcome


@given(WORLDS, connections(), RULES, st.integers(0, 2))
def test_another_rule_never_denies_what_was_allowed(world, connection, rule, number):
    if not allowed(world, connection) or number >= len(world.policies):
        return
    policies = list(world.policies)
    policies[number] = replace(
        policies[number], ingress=(*policies[number].ingress, rule), egress=(rule, *policies[number].egress)
    )
    assert allowed(with_policies(world, *policies), connection)


@given(WORLDS, connections(), POLICIES)
def test_a_policy_without_rules_allows_nothing_new(world, connection, policy):
    empty = replace(policy, ingress=(), egress=())
    if not allowed(world, connection):
        assert not allowed(with_policies(world, *world.policies, empty), connection)


@given(WORLDS, connections())
def test_without_policies_everything_is_allowed(world, connection):
    assert allowed(with_policies(world), connection)


@given(WORLDS, connections())
def test_a_policy_of_a_third_namespace_changes_nothing(world, connection):
    elsewhere = [replace(policy, namespace="z") for policy in world.policies]
    assert decide(with_policies(world, *world.policies, *elsewhere), connection) == decide(world, connection)


@given(WORLDS, connections())
def test_peers_of_one_rule_are_the_same_as_rules_of_one_peer_each(world, connection):
    def split(rules):
        return tuple(replace(rule, peers=(peer,) if peer else ()) for rule in rules for peer in (rule.peers or (None,)))

    policies = [replace(p, ingress=split(p.ingress), egress=split(p.egress)) for p in world.policies]
    assert allowed(with_policies(world, *policies), connection) is allowed(world, connection)


@given(WORLDS, connections(), SELECTORS, SELECTORS)
def test_a_peer_with_both_selectors_admits_no_more_than_one_with_either(world, connection, pods, namespaces):
    def admits(peer):
        policy = NetworkPolicy(
            namespace=connection.target.namespace,
            name="only",
            pods=Selector(),
            directions=frozenset({"ingress"}),
            ingress=(Rule(peers=(peer,)),),
        )
        return allowed(with_policies(world, policy), connection)

    if admits(Peer(pods=pods, namespaces=namespaces)):
        assert admits(Peer(namespaces=namespaces))
        assert admits(Peer(pods=pods, namespaces=Selector()))


@given(WORLDS, connections(), st.integers(78, 84), st.integers(0, 4))
def test_a_range_of_ports_is_the_same_as_its_ports_one_by_one(world, connection, first, length):
    def admits(*ports):
        policy = NetworkPolicy(
            namespace=connection.target.namespace,
            name="only",
            pods=Selector(),
            directions=frozenset({"ingress"}),
            ingress=(Rule(ports=ports),),
        )
        return allowed(with_policies(world, policy), connection)

    one_by_one = (Ports(first=number, last=number) for number in range(first, first + length + 1))
    assert admits(Ports(first=first, last=first + length)) is admits(*one_by_one)


@given(WORLDS, connections())
def test_both_ends_must_allow_a_connection(world, connection):
    if connection.source == connection.target:
        return
    halves = [
        with_policies(world, *(replace(policy, directions=policy.directions & {side}) for policy in world.policies))
        for side in DIRECTIONS
    ]
    assert allowed(world, connection) is all(allowed(half, connection) for half in halves)


@given(WORLDS, connections())
def test_answers_of_a_connection_are_always_allowed(world, connection):
    assert allowed(world, replace(connection, answers=True))


@settings(max_examples=300)
@given(WORLDS, connections())
def test_every_decision_names_sentences_of_the_model(world, connection):
    decision = decide(world, connection)
    assert decision.outcome in ("allowed", "denied")
    assert set(decision.sentences) <= set(SENTENCES)
    assert decision.rule.startswith(SENTENCES[decision.sentences[0]].says)
    assert (decision.outcome == "denied") is (decision.sentences[0] == "isolated")
