"""Masks that a Labelbox export keeps behind addresses: the key goes to Labelbox's hosts alone."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from ..errors import FileError
from ..hrefs import checked_href

HOSTS = ("labelbox.com",)
"""Domains, with their subdomains, that are sent the key."""
SCHEME = "https"
_MAX_BYTES = 64 * 2**20
_TIMEOUT_S = 60


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows to checked addresses; the key, an unredirected header, stays behind."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str):  # type: ignore[no-untyped-def]
        checked_href(newurl, None)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class MaskFetcher:
    """Gets masks over https.

    Args:
        key: API key of Labelbox; never part of a message.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._opener = urllib.request.build_opener(_SafeRedirects)

    def __call__(self, url: str) -> bytes:
        """Content of an address.

        Raises:
            FileError: no https address of a public host, or it does not answer with a mask.
        """
        parts = urlsplit(url)
        where = f"{parts.scheme}://{parts.hostname}{parts.path}"  # a query may hold a token
        if parts.scheme != SCHEME:
            raise FileError(f"a mask at {where}", "an https address", "export the labels again")
        checked_href(url, None)
        request = urllib.request.Request(url)
        if trusted(parts.hostname or ""):
            request.add_unredirected_header("Authorization", f"Bearer {self._key}")
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                content: bytes = answer.read(_MAX_BYTES + 1)
        except urllib.error.HTTPError as error:
            raise FileError(
                f"the mask at {where} was refused (HTTP {error.code})",
                "an address that is still valid: those of an export expire after 30 days",
                "export the project again, and check that LABELBOX_API_KEY is of its workspace",
            ) from None
        except OSError as error:
            raise FileError(
                f"the mask at {where} cannot be fetched ({error})", "an answer", "try again later"
            ) from None
        if len(content) > _MAX_BYTES:
            raise FileError(f"the mask at {where} is too large", f"{_MAX_BYTES} bytes", "check it")
        return content


def trusted(host: str) -> bool:
    """Whether a host is one of Labelbox's own."""
    host = host.lower().rstrip(".")
    return any(host == own or host.endswith(f".{own}") for own in HOSTS)
