"""What both services share: keys from the environment, and errors that do not tell them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol
from urllib.parse import urlsplit

from ..errors import FileError, KumosanError, UsageError
from .chips import Chips
from .drawing import ChipLabel


class Service(Protocol):
    """A labelling tool that is talked to over the network."""

    def push(self, chips: Chips) -> str:
        """Send chips, ontology and pre-labels; the address where people label."""

    def pull(self, project: str) -> list[ChipLabel]:
        """All labels of a project."""


def key(env: Mapping[str, str], name: str, where: str) -> str:
    """The value of an environment variable.

    Raises:
        UsageError: it is not set.
    """
    value = env.get(name, "").strip()
    if not value:
        raise UsageError(f"no {name}", f"a key for {where} in that variable", "set it")
    return value


def checked_server(url: str) -> str:
    """The address of a server that a key may be sent to: https, or this machine.

    Raises:
        UsageError: another one.
    """
    parts = urlsplit(url if "://" in url else f"https://{url}")
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (local and parts.scheme == "http"):
        raise UsageError(f"the server {parts.scheme}://{parts.hostname}", "https", "correct it")
    return parts.geturl().rstrip("/")


@contextmanager
def told(name: str, secrets: tuple[str, ...] = ()) -> Iterator[None]:
    """Turn an SDK's exception into one sentence without the keys."""
    try:
        yield
    except KumosanError:
        raise
    except Exception as error:
        text = " ".join(str(error).split()) or type(error).__name__
        for secret in filter(None, secrets):  # before it is cut: half a key is a key, too
            text = text.replace(secret, "***")
        raise FileError(
            f"{name} did not do as asked ({type(error).__name__}: {text[:300]})",
            "an answer without error", "check the key, the project and the network",
        ) from None  # fmt: skip
