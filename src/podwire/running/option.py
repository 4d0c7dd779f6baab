"""One option: a row of the table, which knows how it is declared and how its text becomes a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from podwire.errors import UsageError
from podwire.running import option_values as values

PATHS = (values.path, values.kubeconfig, values.facts_file)


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option.

    It has a flag, a reader for its text, and a place for its value.
    """

    flag: str
    help: str
    commands: tuple[str, ...]
    """The commands that have it; `pytest` is one of them."""
    metavar: str = ""
    """The placeholder of its text in the help; a switch has none."""
    read: values.Read = values.some_text
    """Makes the value from the text."""
    default: str = ""
    """The text that counts when the option is left out."""
    several: Literal["", "repeatable", "commas", "words", "pair"] = ""
    """`repeatable`: it may be given more than once; `commas`: given again, it goes on as after a comma; `words`: it
    takes one text or more; `pair`: two."""
    short: str = ""
    required: bool = False
    only_on: Literal["", "lab", "cluster"] = ""
    """The kind of cluster that it applies to; empty: both."""
    needs: str = ""
    """The flag of another option that must be given with it."""
    field: str = ""
    """Where the value goes: `group.field` of `RunOptions`, or a field of the command's own options."""

    @property
    def is_switch(self) -> bool:
        return not self.metavar

    @property
    def is_pair(self) -> bool:
        return self.several == "pair"

    @property
    def is_path(self) -> bool:
        return self.read in PATHS

    @property
    def described(self) -> str:
        """The help text, with the kind of cluster it applies to, and in brackets `repeatable` and the default."""
        where = {"": "", "lab": "lab only: ", "cluster": "real cluster only: "}[self.only_on]
        more = [word for word in ("repeatable" if self.several == "repeatable" else "", self.default) if word]
        return where + self.help + (f" ({', '.join(more)})" if more else "")

    def declaration(self) -> dict[str, Any]:
        """The keyword arguments for argparse's and pytest's declaration of an option. Both return plain texts."""
        if self.is_switch:
            return {"action": "store_true", "help": self.described}
        metavar = tuple(self.metavar.split()) if self.is_pair else self.metavar
        declared: dict[str, Any] = {"metavar": metavar, "help": self.described, "default": None}
        if self.several in ("repeatable", "commas"):
            declared["action"] = "append"
        elif self.several:
            declared["nargs"] = 2 if self.is_pair else "+"
        return declared

    def value(self, written: Any) -> Any:
        """The value of the written text, or of the default. `UsageError` names the option, the text and the mistake."""
        if self.is_switch:
            return bool(written)
        if self.several == "commas":
            return self._read(",".join(written)) if written else None
        if self.several:
            return tuple(self._read(text) for text in written or ())
        text = self.default if written is None else written
        return self._read(text) if written is not None or self.default else None

    def _read(self, text: str) -> Any:
        if not text.strip():
            raise UsageError(f"{self.flag}: must not be empty; write {self.flag} {self.metavar}, or leave it out")
        try:
            return self.read(text)
        except ValueError as problem:
            raise UsageError(f"{self.flag} {text}: {problem}") from None
