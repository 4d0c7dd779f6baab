"""The words of a command line: options, their values, and the refusal of wrong ones."""

Options = dict[str, list[str]]
"""Values by the option's long name."""


class Refused(Exception):
    """A wrong command; the text is for the user."""


def parsed(words: list[str], options_by_word: dict[str, tuple[str, int]]) -> tuple[list[str], Options]:
    """Split words without an option from options. `options_by_word` has each spelling's long name and its largest
    number of values.

    Raises:
        Refused: an option is unknown.
    """
    loose: list[str] = []
    options: Options = {}
    name, room = "", 0
    for word in words:
        if word in options_by_word:
            name, room = options_by_word[word]
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
    """The value of an option, decimal or 0x..., or the default.

    Raises:
        Refused: it is no number.
    """
    if name not in options:
        return default
    try:
        return int(options[name][0], 0)
    except (ValueError, IndexError):
        raise Refused(f"Invalid value for {name}: {' '.join(options[name]) or '(none)'}") from None
