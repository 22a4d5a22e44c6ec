"""Instance metadata (IMDSv2) and a container's credentials endpoint, on loopback.

No test may come near the link-local addresses of the real ones.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sentinel_server.clock import whole_seconds
from sentinel_server.sandbox.principals import SessionKeys

TOKEN = "container-token"
"""What the container's endpoint wants to see as Authorization."""

_ROLE = "/latest/meta-data/iam/security-credentials/"


class Metadata:
    """Both services, with these keys in them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: list[str] = []

    @property
    def container(self) -> dict[str, str]:
        """The variables of a container."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.url}/container",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": TOKEN,
        }

    @property
    def instance(self) -> dict[str, str]:
        """The variables of a machine whose metadata is here."""
        return {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.url}


@contextmanager
def metadata(keys: SessionKeys) -> Iterator[Metadata]:
    """Both services on a port of their own, until the end."""
    given = {
        "Code": "Success",
        "AccessKeyId": keys.access_key_id,
        "SecretAccessKey": keys.secret_access_key,
        "Token": keys.session_token,
        "Expiration": whole_seconds(keys.expiration),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            found.seen.append(f"PUT {self.path}")
            self._answer(200 if self.path == "/latest/api/token" else 404, "imds-token")

        def do_GET(self) -> None:
            found.seen.append(f"GET {self.path}")
            if self.path == "/container" and self.headers["Authorization"] == TOKEN:
                self._answer(200, json.dumps(given))
            elif self.path.startswith(_ROLE) and self.headers["x-aws-ec2-metadata-token"] == "imds-token":
                self._answer(200, json.dumps(given) if self.path == f"{_ROLE}machine" else "machine")
            else:
                self._answer(401, "{}")

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: `seen` has it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Metadata(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
