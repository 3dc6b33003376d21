"""A server on this machine that records what it is asked and answers from a table."""

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class Request:
    method: str
    path: str
    query: dict
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def parts(self) -> dict[str, bytes]:
        """Of a form: the content of each field, and of each file by its own name."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        found = BytesParser(policy=HTTP).parsebytes(head + self.body).iter_parts()
        return {
            part.get_filename() or part.get_param("name", header="Content-Disposition"):
            part.get_payload(decode=True) for part in found
        }  # fmt: skip


@dataclass
class StandIn:
    """``answer(request, url)`` gives (status, headers, body); a body that is no bytes is JSON."""

    answer: object
    url: str = ""
    requests: list = field(default_factory=list)

    def asked(self, method: str, path: str) -> list[Request]:
        return [r for r in self.requests if (r.method, r.path) == (method, path)]


@contextmanager
def serving(answer):
    """Serve for as long as the block lasts."""
    stand_in = StandIn(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            request = Request(
                self.command, parts.path, parse_qs(parts.query),
                {k.lower(): v for k, v in self.headers.items()}, body,
            )  # fmt: skip
            stand_in.requests.append(request)
            status, headers, content = stand_in.answer(request, stand_in.url)
            if not isinstance(content, bytes):
                content = json.dumps(content).encode()
                headers = {"Content-Type": "application/json", **headers}
            self.send_response(status)
            told = headers.pop("Length-Told", len(content))  # more than comes, then hang up
            self.close_connection = told != len(content)
            for name, value in {**headers, "Content-Length": told}.items():
                for one in value if isinstance(value, list) else [value]:
                    self.send_header(name, str(one))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_HEAD = do_PUT = do_DELETE = handle_any

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stand_in.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
