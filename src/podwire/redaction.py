"""What must not be told: tokens, passwords, and URLs that have them in it. Everything written or printed passes here.

Secrets that are known are made known once (`keep_secret`); what only looks like one is found by its form. A text that
comes in pieces (`Pieces`) is looked at as the whole that it becomes.
"""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import quote, unquote, urlsplit

REDACTED: Final = "[redacted]"
_LEAST = 6
"""Characters of a secret: a shorter one would be found in words that are none."""
_LEAST_OF_A_VARIABLE = 8
_LONG, _PART = 24, 16
"""Of a secret of so many characters, so many at its beginning or its end are told nowhere either: texts are cut."""
_MOST_HELD = 64 << 10
_LONGEST_LINE = 16 << 10
"""Characters of an unfinished line that are searched for the beginning of a secret."""

_lock = threading.Lock()
_secrets: tuple[str, ...] = ()

_TOKEN = r"[A-Za-z0-9._~+/=-]"
_PARAMETER = (
    r"access_token|id_token|refresh_token|token|api_?key|client_secret|password|secret|sig|signature"
    r"|X-Amz-(?:Signature|Security-Token|Credential)"
)

# What a text has if it has the form, the form, and what takes its place. The first is looked for fast in long texts.
_FORMS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    # RFC 6750: a token has a digit somewhere, a word of prose has none.
    ("earer ", re.compile(rf"\b([Bb]earer) +(?=[^\s\"']*\d){_TOKEN}{{6,}}"), rf"\1 {REDACTED}"),
    ("uthorization", re.compile(r"\b([Aa]uthorization:? *[Bb]asic) +[A-Za-z0-9+/=]+"), rf"\1 {REDACTED}"),
    # A JSON Web Token: what service accounts and OIDC give.
    ("eyJ", re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"), REDACTED),
    # What EKS' and OpenShift's logins give.
    ("k8s-aws-v1.", re.compile(r"\bk8s-aws-v1\.[A-Za-z0-9_=-]{6,}"), REDACTED),
    ("sha256~", re.compile(r"\bsha256~[A-Za-z0-9_-]{20,}"), REDACTED),
    # RFC 3986: user information before the host of a URL.
    ("://", re.compile(r"://[^\s/@\"'<>\\]+@"), f"://{REDACTED}@"),
    # A parameter of a URL whose name says what it is.
    ("=", re.compile(rf"([?&](?:{_PARAMETER})=)[^&\s\"'<>\\]+"), rf"\1{REDACTED}"),
    (
        "PRIVATE KEY-----",
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[A-Za-z0-9+/=\s\\]*(?:-----END [A-Z ]*PRIVATE KEY-----)?"),
        REDACTED,
    ),
)


def _beginning(word: str, after: str = "") -> str:
    """A pattern of any beginning of a word, or the whole of it and what may follow."""
    pattern = after
    for letter in reversed(word[1:]):
        pattern = f"(?:{re.escape(letter)}{pattern})?"
    return word[0] + pattern


# How each form looks while its end has not come yet; that of a key has line breaks in it.
_UNFINISHED = re.compile(
    "(?:"
    + "|".join(
        (
            r"\b[Bb](?:" + _beginning("earer", rf"(?: +{_TOKEN}*)?") + ")?",
            r"\b[Aa](?:" + _beginning("uthorization", r"[^\n]*") + ")?",
            r"\b" + _beginning("eyJ", r"[A-Za-z0-9_.-]*"),
            r"\b" + _beginning("k8s-aws-v1.", r"[A-Za-z0-9_=-]*"),
            r"\b" + _beginning("sha256~", r"[A-Za-z0-9_-]*"),
            _beginning("://", r"[^\s/@\"'<>\\]*"),
            r"[?&][A-Za-z_-]*(?:=[^&\s\"'<>\\]*)?",
        )
    )
    + r")\Z"
)
_UNFINISHED_KEY = re.compile(
    _beginning("-----BEGIN ", r"[A-Z ]*(?:-+(?:[A-Za-z0-9+/=\s\\]+(?:-{1,5}(?:END[A-Z ]*-{0,4})?)?)?)?") + r"\Z"
)


def keep_secret(value: str) -> None:
    """From now on this value is told nowhere. Very short ones are left alone: they are found in words that are none."""
    if len(value) < _LEAST or value in _secrets:
        return
    keep_known(_spellings(value))


def known_secrets() -> tuple[str, ...]:
    """All that is known, in all its spellings: for another process of the same run, by a way that nobody else reads."""
    return _secrets


def keep_known(secrets: Iterable[str]) -> None:
    """Take over what `known_secrets` of another process gave."""
    global _secrets  # noqa: PLW0603
    with _lock:
        # The longest first: one may be a part of another.
        _secrets = tuple(sorted({*_secrets, *secrets}, key=len, reverse=True))


def _spellings(value: str) -> Iterator[str]:
    """How a secret may be written: in JSON, a URL, HTML, base64, Python. Its lines are secrets of their own."""
    lines = [line.strip() for line in value.splitlines()]
    yield from (line for line in lines if len(line) >= (_LEAST if len(lines) == 1 else _PART))
    for inner in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield inner
        yield json.dumps(inner)[1:-1]
    yield quote(value, safe="")
    yield quote(value)
    yield html.escape(value)
    yield html.escape(value, quote=False)
    yield repr(value)[1:-1]
    yield base64.b64encode(value.encode("utf-8", "replace")).decode("ascii")


def keep_url_secret(url: str, *, path: bool = True) -> None:
    """Of the URL of a server or a proxy: what stands before its host, and the path that leads to it through others."""
    try:
        parts = urlsplit(url)
        inside = (parts.username, parts.password, *((parts.path.strip("/"), parts.query) if path else ()))
    except ValueError:
        return
    for value in inside:
        if value:
            keep_secret(value)
            keep_secret(unquote(value))


_SECRET_VARIABLE = re.compile(
    r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PRIVATE_KEY|ACCESS_KEY|API_?KEY)(?:_ID)?$", re.IGNORECASE
)


def keep_secret_variables(environment: Mapping[str, str]) -> None:
    """The values of environment variables whose name says that it is one, and the user of a proxy's URL."""
    for name, value in environment.items():
        if _SECRET_VARIABLE.search(name) and not value.startswith(("/", "~")) and _looks_made_up(value):
            keep_secret(value)
        elif name.lower().endswith("_proxy"):
            keep_url_secret(value, path=False)


def _looks_made_up(value: str) -> bool:
    """No word and no number: what a variable says may be `enabled`, which many texts say."""
    kinds = (str.islower, str.isupper, str.isdigit, lambda character: not character.isalnum())
    return len(value) >= _LEAST_OF_A_VARIABLE and sum(any(map(kind, value)) for kind in kinds) > 1


def redacted(text: str) -> str:
    """The text without secrets."""
    for secret in _secrets:
        if len(secret) >= _LONG:
            text = _without_parts(text, secret)
        elif secret in text:
            text = text.replace(secret, REDACTED)
    for sign, form, instead in _FORMS:
        if sign in text:
            text = form.sub(instead, text)
    return text


def _without_parts(text: str, secret: str) -> str:
    """The text without the secret, its beginnings and its ends."""
    first, last = secret[:_PART], secret[-_PART:]
    at = text.find(first)
    while at >= 0:
        end = at + _PART
        while end < len(text) and end - at < len(secret) and text[end] == secret[end - at]:
            end += 1
        text = f"{text[:at]}{REDACTED}{text[end:]}"
        at = text.find(first, at)
    at = text.find(last)
    while at >= 0:
        begin = at
        while begin > 0 and at - begin < len(secret) - _PART and text[begin - 1] == secret[begin - at - _PART - 1]:
            begin -= 1
        text = f"{text[:begin]}{REDACTED}{text[at + _PART :]}"
        at = text.find(last, begin)
    return text


class Pieces:
    """A text that comes in pieces, without secrets. What may be the beginning of one waits for the next piece.

    What waits is the end of an unfinished line, mostly nothing. Not for several threads at once.
    """

    def __init__(self) -> None:
        self._waiting = ""

    def add(self, piece: str) -> str:
        """What of the text so far can be told now."""
        text = self._waiting + piece
        decided = _decided(text)
        if len(text) - decided > _MOST_HELD:
            self._waiting = text
            return self.rest()
        self._waiting = text[decided:]
        return redacted(text[:decided])

    def rest(self) -> str:
        """What has waited, since nothing follows. The beginning of a secret is one."""
        text, self._waiting = self._waiting, ""
        begun = next((at for at in _beginnings(text) if len(text) - at >= _LEAST), None)
        return redacted(text) if begun is None else redacted(text[:begun]) + REDACTED


def _decided(text: str) -> int:
    """How much of the text holds no beginning of a secret whose end has not come."""
    at = len(text)
    if "-" in text:
        key = _UNFINISHED_KEY.search(text, max(0, text.rfind("-----BEGIN ")))
        at = key.start() if key else at
    if text.endswith("\n"):
        return at
    line = max(text.rfind("\n") + 1, len(text) - _LONGEST_LINE)
    form = _UNFINISHED.search(text, line)
    return min(at, form.start() if form else at, *_beginnings(text))


def _beginnings(text: str) -> Iterable[int]:
    """Where the text ends with the beginning of a secret that is known."""
    for secret in _secrets:
        at = text.find(secret[0], max(0, len(text) - len(secret) + 1))
        while at >= 0:
            if secret.startswith(text[at:]):
                yield at
                break
            at = text.find(secret[0], at + 1)
