"""Files that are there whole or not at all."""

from __future__ import annotations

from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Puts the content in the place of the file, or of the one that a link leads to. Raises OSError.

    When it cannot be written whole, what was there before stays.
    """
    if path.exists() and not path.is_file():  # a device, a FIFO: nothing to be replaced
        path.write_bytes(content)
        return
    target = path.resolve()
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_bytes(content)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
