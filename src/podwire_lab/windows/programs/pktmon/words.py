"""The words of a command line: options, their values, and the refusal of what is wrong with them."""

Options = dict[str, list[str]]
"""Values by the option's long name."""


class Refused(Exception):
    """A command that cannot be done; the text is what the user reads."""


def parsed(words: list[str], known: dict[str, tuple[str, int]]) -> tuple[list[str], Options]:
    """Words without an option, and options. `known` has each spelling's long name and the most values it takes.

    Raises:
        Refused: an option is not known.
    """
    loose: list[str] = []
    options: Options = {}
    name, room = "", 0
    for word in words:
        if word in known:
            name, room = known[word]
            options[name] = []
        elif word.startswith("-"):
            raise Refused(f"Unknown parameter '{word}' (or one that the emulated pktmon does not have).")
        elif room:
            options[name].append(word)
            room -= 1
        else:
            loose.append(word)
    return loose, options


def number(options: Options, name: str, default: int) -> int:
    """The value of an option, decimal or 0x..., or the default. `Refused` when it is no number."""
    if name not in options:
        return default
    try:
        return int(options[name][0], 0)
    except (ValueError, IndexError):
        raise Refused(f"Invalid value for {name}: {' '.join(options[name]) or '(none)'}") from None
