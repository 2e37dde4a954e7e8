"""Topics and filters (proto/WIRE.md, section 2)."""

from __future__ import annotations

from typing import Optional

TOPIC_BYTES_MAX = 255


def _fault(text: bytes, wildcards: bool) -> Optional[str]:
    if not 1 <= len(text) <= TOPIC_BYTES_MAX:
        return f"{len(text)} bytes, allowed 1 to {TOPIC_BYTES_MAX} bytes"
    try:
        text.decode()
    except UnicodeDecodeError:
        return "not UTF-8"
    if b"\0" in text:
        return "a NUL byte"
    tokens = text.split(b".")
    for index, token in enumerate(tokens, 1):
        if not token:
            return "an empty token between dots"
        if token in (b"*", b">") and not wildcards:
            return f'wildcard "{token.decode()}" as a token'
        if token == b">" and index != len(tokens):
            return '">" before the last token'
    return None


def topic_fault(topic: bytes) -> Optional[str]:
    """What is wrong with a topic; None: nothing is."""
    return _fault(topic, wildcards=False)


def filter_fault(topic_filter: bytes) -> Optional[str]:
    """What is wrong with a filter that is not empty; None: nothing is."""
    fault = _fault(topic_filter, wildcards=True)
    return None if fault is None else "topic filter: " + fault


def encoded(text: str) -> Optional[bytes]:
    """UTF-8; None: there is none, because of a surrogate."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a valid filter, or none (empty), takes a valid topic or none."""
    if not topic_filter:
        return True
    if not topic:
        return False
    wanted, tokens = topic_filter.split("."), topic.split(".")
    if wanted[-1] == ">":
        wanted.pop()
        if len(tokens) <= len(wanted):
            return False
        del tokens[len(wanted) :]
    return len(wanted) == len(tokens) and all(
        want in ("*", token) for want, token in zip(wanted, tokens)
    )
