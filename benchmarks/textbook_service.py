"""The textbook pipeline as a service, for `benchmarks.http`: `python -m benchmarks.textbook_service serve --res10 DIR`.

Flask under waitress: one route, base64 JSON in, JSON out, one photo at a time, as cv2's nets cannot be shared.
"""

from __future__ import annotations

import argparse
import base64
import threading
from pathlib import Path
from typing import Any

import waitress
from flask import Flask, request

from benchmarks.textbook import Textbook


def app_of(textbook: Textbook) -> Flask:
    app, one = Flask(__name__), threading.Lock()

    @app.post("/analyze")
    def analyze() -> dict[str, Any]:
        photo = base64.b64decode(request.get_json()["image"])
        with one:
            return {"timing_ms": textbook.analyze(photo, None)}

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("--res10", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="OpenCV's")
    parsed = parser.parse_args()
    server = waitress.create_server(app_of(Textbook(parsed.res10, parsed.threads)), host="127.0.0.1", port=parsed.port)
    print(f"ready on http://127.0.0.1:{server.effective_port}", flush=True)
    server.run()


if __name__ == "__main__":
    main()
