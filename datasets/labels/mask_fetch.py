"""Masks that a Labelbox export keeps behind addresses: the key goes to Labelbox's hosts alone."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from ..errors import FileError
from ..hrefs import checked_href

HOSTS = ("labelbox.com",)
"""Domains, with their subdomains, that are sent the key."""
SCHEME = "https"
_MAX_BYTES = 64 * 2**20
_TIMEOUT_S = 60
_BUSY = (429, 500, 502, 503, 504)
DELAYS_S = (1.0, 2.0, 4.0)
"""Between tries, while a server is busy or a connection breaks."""


class _BusyError(Exception):
    """No answer this time."""


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
        for delay_s in (*DELAYS_S, None):
            try:
                content = self._asked(request, where)
                break
            except _BusyError as busy:
                if delay_s is None:
                    raise FileError(
                        f"the mask at {where} cannot be fetched ({busy})", "an answer",
                        "try again later",
                    ) from None  # fmt: skip
                time.sleep(delay_s)
        if len(content) > _MAX_BYTES:
            raise FileError(f"the mask at {where} is too large", f"{_MAX_BYTES} bytes", "check it")
        return content

    def _asked(self, request: urllib.request.Request, where: str) -> bytes:
        """One try; a mask is small, so that one cut off is fetched anew, not resumed."""
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                content: bytes = answer.read(_MAX_BYTES + 1)
                missing = answer.length  # of what was announced; None where nothing was
        except urllib.error.HTTPError as error:
            if error.code in _BUSY:
                raise _BusyError(f"HTTP {error.code}") from None
            raise FileError(
                f"the mask at {where} was refused (HTTP {error.code})",
                "an address that is still valid: those of an export expire after 30 days",
                "export the project again, and check that LABELBOX_API_KEY is of its workspace",
            ) from None
        except (OSError, HTTPException) as error:
            raise _BusyError(str(error) or type(error).__name__) from None
        if missing and len(content) <= _MAX_BYTES:
            raise _BusyError(f"{missing} bytes are missing")
        return content


def trusted(host: str) -> bool:
    """Whether a host is one of Labelbox's own."""
    host = host.lower().rstrip(".")
    return any(host == own or host.endswith(f".{own}") for own in HOSTS)
