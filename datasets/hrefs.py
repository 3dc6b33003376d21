"""Which addresses of a STAC item are followed: public hosts, and files beside the item.

An item may come from anywhere, so its hrefs are an attacker's chance to read files and services
that only this machine can reach. Allowed are http, https and s3, of hosts whose every address is
public, and files in the item's own folder or below. What is left: a public server may redirect,
or its name change between the check and the use; run untrusted items where that does no harm.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .errors import FileError

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def checked_href(href: str, folder: Path | None) -> Path | str:
    """The file, or the unchanged address, that an href of an item names.

    Args:
        href: relative or absolute path, or an http, https or s3 address.
        folder: where the item's file lies; None for an item that is not a file.

    Raises:
        FileError: another scheme, a host that is not public or not found, a path that leaves
            the item's folder, or a missing file.
    """
    parts = _split(href)
    if parts.scheme in ("http", "https"):
        _check_host(href)
        return href
    if parts.scheme == "s3":
        if not _BUCKET.fullmatch(parts.netloc) or not parts.path.strip("/"):
            raise _refused(href, "an s3 address without bucket and key")
        if _dotted(parts.path):
            raise _refused(href, "a path with '..'")
        return href
    if parts.scheme or href.startswith(("//", "\\")):
        raise _refused(href, f"of scheme '{parts.scheme}'" if parts.scheme else "without a scheme")
    return _beside(href, folder)


def _split(href: str):  # type: ignore[no-untyped-def]
    """Parts of an address; backslashes and control characters mislead other parsers."""
    if not href or re.search(r"[\x00-\x20\\]", href.strip("/")):
        raise _refused(href, "empty, or with a space, backslash or control character")
    try:
        return urlsplit(href)
    except ValueError as e:
        raise _refused(href, str(e)) from e


def _check_host(href: str) -> None:
    parts = _split(href)
    try:
        host, port = parts.hostname, parts.port
    except ValueError as e:
        raise _refused(href, str(e)) from e
    if not host or parts.username is not None or parts.password is not None:
        raise _refused(href, "without a host, or with a user name")
    try:
        found = socket.getaddrinfo(host, port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as e:
        raise FileError(
            f"the host of {href} is not found ({e})", "a public host", "check the network"
        ) from e
    for *_, address in found:
        if not is_public(str(address[0])):
            raise _refused(href, f"on a host of this machine or a private network ({address[0]})")


def is_public(address: str) -> bool:
    """Whether an IP address is reachable from everywhere, and is no disguise of one that is not.

    Refused: loopback, link-local (with the metadata services of clouds), private, shared,
    reserved and multicast ranges, and IPv6 forms that carry such an IPv4 address.
    """
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _beside(href: str, folder: Path | None) -> Path:
    if folder is None:
        raise FileError(
            f"the item has the relative href '{href}'", "an item that is a file, or an address",
            "pass the item's path in place of its content",
        )  # fmt: skip
    if _dotted(href):
        raise _refused(href, "a path with '..'")
    home = folder.resolve()
    path = (home / href).resolve()  # follows links too
    if not path.is_relative_to(home):
        raise _refused(href, f"outside the item's folder {folder}")
    if not path.is_file():
        raise FileError(f"the item names {href}, which is not there", "its file", "download it")
    return path


def _dotted(path: str) -> bool:
    return ".." in re.split(r"[/\\]", unquote(path))


def _refused(href: str, why: str) -> FileError:
    return FileError(
        f"the item has the href '{href}', {why}",
        "http, https or s3 of a public host, or a file beside the item",
        "download the file into the item's folder and name it there",
    )
