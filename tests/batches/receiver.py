"""A webhook receiver: a real server, with a certificate of a test's own authority."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme

NAME = "hooks.example"


@dataclass
class Receiver:
    """Records requests, and answers them as told."""

    port: int = 0
    status: int = 204
    location: str = ""
    drip: bool = False
    came: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"https://{NAME}:{self.port}/told?by=digits"


@contextmanager
def serving(receiver: Receiver, certificate: trustme.LeafCert) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # http.server's
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.came.append((self.path, dict(self.headers), body))
            if receiver.drip:
                while not stopping.wait(0.05):
                    try:
                        self.wfile.write(b"H")
                    except OSError:
                        return
            self.send_response(receiver.status)
            if receiver.location:
                self.send_header("Location", receiver.location)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            return None

    class Server(ThreadingHTTPServer):
        # Not in the accept loop, which a failed handshake would end.
        def finish_request(self, request: Any, client_address: Any) -> None:
            try:
                with context.wrap_socket(request, server_side=True) as secured:
                    super().finish_request(secured, client_address)
            except OSError:
                return  # A client that does not trust the certificate disconnects.

        def shutdown_request(self, request: Any) -> None:
            request.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    stopping = threading.Event()
    server = Server(("127.0.0.1", 0), Handler)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
