"""The report's words: what each outcome means, and numbers as people read them."""

from __future__ import annotations

MEANINGS = {
    "missing": "The file was found, and gone when its turn came.",
    "error:empty_image": "The file has no bytes.",
    "error:unsupported_image": "Not a photo in a format that is read: JPEG, PNG, WebP, BMP, GIF or TIFF.",
    "error:truncated_image": "The photo ends before its last pixel: an interrupted copy or download, most often.",
    "error:invalid_image": "The photo is damaged: its header or its pixels cannot be read.",
    "error:bad_dimensions": "A side of the photo is shorter or longer than allowed.",
    "error:image_too_large": "The file has more bytes than allowed.",
    "error:too_many_pixels": "The photo has more pixels than allowed.",
    "error:unreadable": "The file, or a whole directory, could not be read: permissions or a failing disk.",
    "error:timeout": "The analysis took longer than a photo may.",
    "error:out_of_memory": "The photo needs more memory than was left.",
    "error:engine": "The inference engine failed on this photo; the log says how.",
    "error:worker_died": "It ended its worker process, and did so again when it was tried a second time.",
    "error:annotate_failed": "Its annotated picture could not be saved under its name.",
    "error:internal": "An error in the program itself; the log has its words.",
}
_EXAMPLE_LENGTH = 100


def meaning(outcome: str) -> str:
    """A sentence on an outcome without an analysis; empty for one that has none here."""
    return MEANINGS.get(outcome, "")


def kind(outcome: str) -> str:
    """An outcome as a heading: `error:truncated_image` → `truncated image`."""
    return outcome.removeprefix("error:").replace("_", " ")


def number(value: int) -> str:
    """With commas between thousands."""
    return f"{value:,}"


def counted(value: int, one: str, many: str) -> str:
    """`1 face`, `2,000 faces`."""
    return f"{number(value)} {one if value == 1 else many}"


def share(part: int, whole: int, decimals: int = 1) -> str:
    """A percentage that says 0 % of nothing only, and 100 % of everything only; a dash where there is no whole."""
    if not whole:
        return "–"
    step = 10.0**-decimals
    percent = 100 * part / whole
    if 0 < percent < step:
        return f"< {step:.{decimals}f} %"
    if part < whole and round(percent, decimals) >= 100:
        return f"> {100 - step:.{decimals}f} %"
    return f"{percent:.{decimals}f} %"


def amount(count: int) -> str:
    """Bytes in the largest decimal unit that leaves at least one: `1.4 GB`."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if value < 999.95:
            break
        value, unit = value / 1000, larger
    return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"


def option(value: object) -> str:
    """The value of an option: `on` and `off` for a switch, words for what the pack decides."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return "as the pack has it" if value is None else str(value)


def ages(low: int, high: int | None) -> str:
    """`20–29`, or `70+` without an upper end."""
    return f"{low}+" if high is None else f"{low}–{high}"


def visible(name: str) -> str:
    """A file name for one line of a page: what does not print, or turns the writing direction, as its code point."""
    text = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in name)
    return text if len(text) <= _EXAMPLE_LENGTH else text[: _EXAMPLE_LENGTH // 2] + "…" + text[-_EXAMPLE_LENGTH // 2 :]
