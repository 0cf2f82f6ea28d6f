"""What tests and screenshots need of a browser and a server."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page, Request

CHROMIUM_ARGS = [
    "--no-sandbox",  # as root in a container there is none to be had
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

_NOTE_VIOLATIONS = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => {
  window.violations.push(event.violatedDirective + ' ' + event.blockedURI);
});
"""


def chromium_path() -> str | None:
    """The browser to drive: the one that CHROMIUM names, else the system's."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


def has_kiosk_fonts() -> bool:
    """Whether the page looks as in docs/kiosk.md; unknown fonts, as other systems have, are not looked for."""
    command = shutil.which("fc-list")
    return command is None or bool(subprocess.run([command, "Noto Sans"], capture_output=True).stdout)


@contextmanager
def served(app: Flask, port: int = 0) -> Iterator[str]:
    """The app on a port of 127.0.0.1, a free one unless given, as its address with a slash at the end."""
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, name="served", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Watch:
    """What pages do that they must not: errors and warnings, requests to other hosts, breaches of their policy."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.errors: list[str] = []
        self.strangers: list[str] = []
        self.violations: list[str] = []
        self._pages: list[Page] = []

    def begin(self, page: Page) -> None:
        """Watches the page from its next document on."""
        page.add_init_script(_NOTE_VIOLATIONS)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._note)
        self._pages.append(page)

    def end(self) -> None:
        """Takes from the pages which breaches they have noted; to be called before they are closed."""
        for page in self._pages:
            self.violations += page.evaluate("window.violations")
        self._pages.clear()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def _note(self, request: Request) -> None:
        if not request.url.startswith((self.address, "blob:", "data:")):
            self.strangers.append(request.url)
