"""What several tables show alike: ages and labels."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from podwire_lab.kube_api.objects.fields import moment_of

NONE: Final = "<none>"


def age(text: Any) -> str:
    """How long ago, as kubectl shows it (apimachinery: util/duration.HumanDuration)."""
    moment = moment_of(text) if isinstance(text, str) else None
    if moment is None:
        return "<unknown>"
    return human((datetime.now(UTC) - moment).total_seconds())


def human(duration: float) -> str:
    """A duration in seconds in at most two units."""
    seconds = int(duration)
    if seconds < 0:
        return "0s" if seconds >= -2 else "<invalid>"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 730:
        return f"{days}d"
    return f"{days // 365}y{days % 365}d" if days < 365 * 8 else f"{days // 365}y"


def pairs(labels: Mapping[str, str] | None) -> str:
    """Labels as kubectl shows them."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def selector(tree: Mapping[str, Any] | None) -> str:
    """A label selector as kubectl shows it (apimachinery: FormatLabelSelector)."""
    tree = tree or {}
    terms = [(key, f"{key}={value}") for key, value in (tree.get("matchLabels") or {}).items()]
    for term in tree.get("matchExpressions") or ():
        key, values = term["key"], ",".join(sorted(term.get("values") or ()))
        shown = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "DoesNotExist": f"!{key}"}
        terms.append((key, shown.get(term["operator"], key)))
    return ",".join(text for _, text in sorted(terms)) or NONE
