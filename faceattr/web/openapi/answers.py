"""The schemas of answers: an analysis and its parts, packs, problems."""

from __future__ import annotations

from faceattr.options import RANGES
from faceattr.web.openapi.builders import Schema, listing, number, record, reference, share, text, whole, without_need
from faceattr.web.problems import PROBLEMS


def analysis_schema(*, alone: bool = True) -> Schema:
    """What is found in a photo; `alone`: as the answer to a request of its own, which has an id."""
    ids = {"request_id": text("As in `X-Request-ID`; the log has it, too.")} if alone else {}
    analysis = record(
        "All faces of a photo, largest first, and what made them.",
        result=text("The photo with the faces drawn in; absent with `annotate=none`.", contentEncoding="base64"),
        faces=listing(reference("Face"), "Empty when there is no face.", maxItems=RANGES["max_faces"][1]),
        image=record(
            "The full-size photo, upright.",
            width=whole("Pixels.", minimum=1),
            height=whole("Pixels.", minimum=1),
            rotation=whole("How far the stored pixels were turned clockwise.", enum=[0, 90, 180, 270]),
        ),
        model=reference("Model"),
        timing_ms={
            "type": "object",
            "description": "Milliseconds of each stage, and their `total`.",
            "required": ["total"],
            "additionalProperties": {"type": "number", "minimum": 0},
        },
        **ids,
    )
    return without_need(analysis, "result")


def face_schemas() -> dict[str, Schema]:
    """The parts of an analysis that have names."""
    sides = {name: whole("Pixels of the full-size upright photo.") for name in ("x_min", "y_min", "x_max", "y_max")}
    interval = listing({"type": "integer"}, "10th to 90th percentile; null for nets that answer with ranges.")
    age = record(
        "Apparent age.",
        years=number("The expectation.", minimum=0),
        low=whole("The most probable range begins with this year.", minimum=0),
        high=whole("The most probable range ends with this year.", minimum=0),
        label=text("That range as text, like `(30-39)`."),
        probability=share("That of the range."),
        interval=interval | {"type": ["array", "null"], "minItems": 2, "maxItems": 2},
        distribution=listing(share("Of one class."), "With `distribution`: a probability for each class of the net."),
    )
    gender = record(
        "Apparent gender.",
        value=text("The likelier label, as the pack names it."),
        probability=share("That of the label."),
        probabilities={
            "type": "object",
            "description": "That of every label.",
            "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1},
        },
    )
    quality = record(
        "What the face gave the nets to work with.",
        size_px=whole("Shorter side of the box, in pixels.", minimum=0),
        sharpness=share("0: flat; 1: sharp."),
        brightness=share("0: black; 1: white."),
        touches_edge={"type": "boolean", "description": "Whether the photo's edge may cut the face."},
    )
    return {
        "Face": record(
            "A face, and how it looks.",
            box=record("Where it is.", **sides, probability=share("The detector's confidence.")),
            gender=gender,
            age=without_need(age, "distribution"),
            quality=quality,
            uncertain={"type": "boolean", "description": "Gender below 0.7, or an age interval wider than 30 years."},
        ),
        "Model": record(
            "What answered.",
            pack=text("The pack's name."),
            version=text("The pack's version."),
            engine=text("What runs the nets, with its version."),
        ),
    }


def service_schemas() -> dict[str, Schema]:
    """What the service says of itself, and of errors."""
    codes = "; ".join(f"`{code}` ({status}): {title}" for code, (status, title) in PROBLEMS.items())
    problem = record(
        "An error, as RFC 9457 has it.",
        type=text("`urn:faceattr:problem:` and the code."),
        title=text("What the code means."),
        status=whole("The HTTP status.", enum=sorted({status for status, _ in PROBLEMS.values()})),
        detail=text("What is wrong with this request."),
        error=text("The same in a sentence to show to people."),
        code=text(f"Stable. {codes}.", enum=list(PROBLEMS)),
        request_id=text("As in `X-Request-ID`."),
    )
    model = {"allOf": [reference("Model"), record("", digest=text("SHA-256 over the pack's files."))]}
    pack = record(
        "A pack that can be asked for.",
        name=text("What `model` takes."),
        default={"type": "boolean", "description": "Whether it answers when none is named."},
        pack=text("The name in its own words."),
        version=text("The pack's version."),
        licence=text("The pack's licence."),
        digest=text("SHA-256 over all of its files."),
        sha256={"type": "object", "description": "Of each file.", "additionalProperties": {"type": "string"}},
        engine=text("What runs the nets, with its version."),
        accuracy={
            "type": "object",
            "description": "As the pack's maker measured it; empty when nothing is stated.",
            "additionalProperties": {"type": "number"},
        },
    )
    return {
        "Models": record("The packs.", models=listing(pack, "The default one first.", minItems=1)),
        "Problem": problem,
        "Health": record(
            "Who answers.",
            status=text("Always `ok`.", const="ok"),
            version=text("That of faceattr."),
            model=model | {"description": "The pack that answers, its digest and the engine."},
        ),
        "KioskState": record(
            "What answers.",
            instance=text("Another one after each start of the service."),
            version=text("That of faceattr."),
            packs={
                "type": "object",
                "description": "The digest of each pack by its name in `/models`.",
                "additionalProperties": {"type": "string"},
            },
            pin={"type": "boolean", "description": "Whether the staff corner asks for a PIN."},
        ),
        "State": record("How the service is.", status=text("`alive`, or `ready`.", enum=["alive", "ready"])),
    }
