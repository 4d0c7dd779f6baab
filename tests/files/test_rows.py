"""What stands in groups in memory is one row in a file, and the type of that row is read as any other."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest
from msgspec import UNSET, Struct, UnsetType

from podwire.files.bounded import FileError
from podwire.files.rows import Column, Grouped, columns, owners, row_type
from podwire.files.typed import tree_as


class Speed(Struct, frozen=True, kw_only=True):
    mtu: int = msgspec.field(name="link_mtu", default=1500)
    bits: int | None = None


class Place(Struct, frozen=True, kw_only=True):
    rack: str


class Badge(Struct, frozen=True, kw_only=True):
    name: str


class Card(Struct, frozen=True, kw_only=True):
    name: str
    speed: Speed = Speed()
    place: Place
    labels: dict[str, str] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Colour:
    hue: str = "blue"
    shades: tuple[str, ...] = field(default_factory=tuple)


@dataclass(frozen=True, kw_only=True)
class Lamp:
    watts: int
    colour: Colour = field(default_factory=Colour)


CARD = Grouped(Card, speed=Speed, place=Place)
LAMP = Grouped(Lamp, colour=Colour)
CARD_ROW = row_type("CardRow", CARD.columns, order=("rack", "name"), doc="A card.")
ROW = {"name": "eth0", "link_mtu": 9000, "bits": 10, "rack": "a", "labels": {}}


def test_a_row_becomes_groups_and_groups_become_the_same_row():
    card = CARD.value(ROW)
    assert card == Card(name="eth0", speed=Speed(mtu=9000, bits=10), place=Place(rack="a"))
    assert CARD.row(card) == ROW
    assert LAMP.row(LAMP.value({"watts": 9, "hue": "red"})) == {"watts": 9, "hue": "red", "shades": ()}


def test_what_a_row_lacks_has_its_default():
    assert CARD.value({"name": "eth0", "rack": "a"}).speed == Speed()
    assert LAMP.value({"watts": 9}) == Lamp(watts=9)


def test_a_change_names_fields_as_the_row_does():
    card = CARD.changed(CARD.value(ROW), {"link_mtu": 1400, "name": "eth1"})
    assert (card.name, card.speed, card.place.rack) == ("eth1", Speed(mtu=1400, bits=10), "a")
    assert LAMP.changed(Lamp(watts=9), {"hue": "red"}).colour == Colour(hue="red")


@pytest.mark.parametrize(
    "row", [{**ROW, "colour": "red"}, {**ROW, "mtu": 9000}, {**ROW, "speed": Speed()}, {"rack": "a"}]
)
def test_a_field_that_is_not_of_the_row_or_is_missing_is_refused(row):
    with pytest.raises(TypeError):
        CARD.value(row)


def test_the_type_of_a_row_has_the_fields_in_the_order_of_the_file():
    assert CARD_ROW.__struct_fields__ == ("rack", "name", "labels", "link_mtu", "bits")
    assert msgspec.json.encode(CARD_ROW(rack="a", name="eth0")) == (
        b'{"rack":"a","name":"eth0","labels":{},"link_mtu":1500,"bits":null}'
    )
    assert CARD_ROW(rack="a", name="x").labels is not CARD_ROW(rack="a", name="x").labels


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({**ROW, "link_mtu": "much"}, r"^link_mtu: needs a whole number, found 'much'$"),
        ({**ROW, "mtu": 9000}, r"^mtu: unknown field; known fields: rack, name, labels, link_mtu, bits$"),
        ({**ROW, "speed": {}}, r"^speed: unknown field"),
        ({"name": "eth0"}, r"^rack: missing$"),
    ],
)
def test_what_is_wrong_in_a_row_is_told_by_its_name_there(row, said):
    with pytest.raises(FileError, match=said):
        tree_as(row, CARD_ROW)


def test_a_column_may_have_another_type_than_the_field_in_memory():
    those = {**columns(Colour), "hue": Column(str | UnsetType, UNSET)}
    kind = row_type("ColourRow", those, omit_defaults=True)
    assert msgspec.json.encode(kind()) == b"{}"
    assert tree_as({"shades": ["dark"]}, kind).shades == ("dark",)


def test_a_name_is_of_one_part_of_a_row():
    with pytest.raises(ValueError, match=r"^name: two parts of a row have it$"):
        columns(Card, Badge)
    with pytest.raises(ValueError, match=r"^name: two parts of a row have it$"):
        Grouped(Card, speed=Speed, place=Badge)


def test_an_order_names_fields_of_the_row_only():
    with pytest.raises(KeyError):
        row_type("CardRow", CARD.columns, order=("mtu",))


def test_a_field_of_a_row_tells_which_type_in_memory_it_is_of():
    assert ("link_mtu", Speed, "mtu") in set(owners(CARD_ROW))
    assert list(owners(Place)) == [("rack", Place, "rack")]
