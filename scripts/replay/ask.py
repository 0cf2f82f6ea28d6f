"""One request, from inside another network namespace: `ask.py PORT METHOD PATH [FILE]`; prints status and answer."""

from __future__ import annotations

import http.client
import sys
from pathlib import Path

if __name__ == "__main__":
    port, method, path, *files = sys.argv[1:]
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
    body = Path(files[0]).read_bytes() if files else None
    connection.request(method, path, body, {"Content-Type": "image/jpeg"} if files else {})
    answer = connection.getresponse()
    print(answer.status, answer.read().decode())
