"""What must not be told: tokens, passwords, and URLs that have them in it. Everything written or printed passes here.

Secrets that are known are made known once (`keep_secret`); what only looks like one is found by its form.
"""

from __future__ import annotations

import json
import re
import threading
from typing import Final
from urllib.parse import quote, unquote, urlsplit

REDACTED: Final = "[redacted]"
_LEAST = 6
"""Characters of a secret: a shorter one would be found in words that are none."""

_lock = threading.Lock()
_secrets: tuple[str, ...] = ()

# What a text has if it has the form, the form, and what takes its place. The first is looked for fast in long texts.
_FORMS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    # RFC 6750: a token has a digit somewhere, a word of prose has none.
    ("earer ", re.compile(r"\b([Bb]earer) +(?=[^\s\"']*\d)[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {REDACTED}"),
    ("uthorization", re.compile(r"\b([Aa]uthorization:? *[Bb]asic) +[A-Za-z0-9+/=]+"), rf"\1 {REDACTED}"),
    # A JSON Web Token: what service accounts and OIDC give.
    ("eyJ", re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"), REDACTED),
    # RFC 3986: user information before the host of a URL.
    ("://", re.compile(r"://[^\s/@\"'<>\\]+@"), f"://{REDACTED}@"),
    # A parameter of a URL whose name says what it is.
    (
        "=",
        re.compile(r"([?&](?:access_token|id_token|token|api_?key|password|secret|sig|signature)=)[^&\s\"'<>\\]+"),
        rf"\1{REDACTED}",
    ),
    (
        "PRIVATE KEY-----",
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[A-Za-z0-9+/=\s\\]*(?:-----END [A-Z ]*PRIVATE KEY-----)?"),
        REDACTED,
    ),
)


def keep_secret(value: str) -> None:
    """From now on this value is told nowhere. Very short ones are left alone: they are found in words that are none."""
    global _secrets  # noqa: PLW0603
    if len(value) < _LEAST or value in _secrets:
        return
    with _lock:
        spellings = {value, quote(value, safe=""), json.dumps(value)[1:-1]}
        # The longest first: one may be a part of another.
        _secrets = tuple(sorted({*_secrets, *spellings}, key=len, reverse=True))


def keep_url_secret(url: str) -> None:
    """Of the URL of a server or a proxy: what stands before its host, and the path that leads to it through others."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    for value in (parts.username, parts.password, parts.path.strip("/"), parts.query):
        if value:
            keep_secret(value)
            keep_secret(unquote(value))


def redacted(text: str) -> str:
    """The text without secrets."""
    for secret in _secrets:
        if secret in text:
            text = text.replace(secret, REDACTED)
    for sign, form, instead in _FORMS:
        if sign in text:
            text = form.sub(instead, text)
    return text
