"""The schemas that operations refer to, made from the tables that the code itself goes by."""

from __future__ import annotations

import dataclasses

from faceattr.options import FLAGS, RANGES, WORDS, Options
from faceattr.settings import Settings
from faceattr.web.openapi.answers import analysis_schema, face_schemas, service_schemas
from faceattr.web.openapi.builders import Schema, listing, record, reference, text, whole, without_need
from faceattr.web.photos import PICTURES

MEANINGS = {
    "min_confidence": "Lowest detector confidence; by default what the pack states.",
    "min_face": "Shorter side of a face, in pixels of the full-size photo; smaller ones are left out.",
    "max_faces": "The largest that many.",
    "detail": "`high`: also the photo's mirror image and overlapping tiles, for the small faces of group photos.",
    "rotate": "`auto`: all four turns of the photo are tried, and the one whose faces are surest is answered.",
    "tta": "Gender and age as the mean of each face and its mirror image.",
    "distribution": "Adds `age.distribution`, one probability per class.",
}
"""What each field of Options means to a client."""
_ANNOTATE = "The picture in `result`, the photo at its own size with the faces drawn in; `none`: no `result`."
_MODEL = "The pack that answers, by its name in `/models`; by default the first of them."


def option_schemas() -> dict[str, Schema]:
    """Every analysis option with its type, range and default, then `annotate` and `model`."""
    schemas = {}
    for field in dataclasses.fields(Options):
        name = field.name
        schema: Schema = {"description": MEANINGS[name]}
        if name in WORDS:
            schema |= {"type": "string", "enum": list(WORDS[name])}
        elif name in FLAGS:
            schema |= {"type": "boolean"}
        else:
            low, high = RANGES[name]
            schema |= {"type": "number" if field.default is None else "integer", "minimum": low, "maximum": high}
        schemas[name] = schema if field.default is None else schema | {"default": field.default}
    return schemas | {"annotate": text(_ANNOTATE, enum=list(PICTURES), default="png"), "model": text(_MODEL)}


def _or_null(schema: Schema) -> Schema:
    """In JSON, null counts as not given."""
    nullable = schema | {"type": [schema["type"], "null"]}
    return nullable | {"enum": [*schema["enum"], None]} if "enum" in schema else nullable


def problem_schema(codes: tuple[str, ...]) -> Schema:
    """A problem with one of these codes."""
    return {"allOf": [reference("Problem"), {"properties": {"code": {"enum": list(codes)}}}]}


def component_schemas(settings: Settings) -> dict[str, Schema]:
    """The schemas that operations refer to, by name."""
    pin = _closed(record("A try at the staff corner of a kiosk.", pin=text("The digits.")))
    asked = {"PhotoRequest": _photo_request(settings), **_batch(settings), "KioskPin": pin}
    return {**asked, "Analysis": analysis_schema(), **face_schemas(), **service_schemas()}


def _photo_request(settings: Settings) -> Schema:
    optional = {name: _or_null(schema) for name, schema in option_schemas().items()}
    fields = {**_photo(settings), **optional}
    return _closed(without_need(record("A photo, and how to analyse it.", **fields), *list(fields)[1:]))


def _batch(settings: Settings) -> dict[str, Schema]:
    schemas = option_schemas()
    schemas["annotate"] |= {"default": "none"}
    defaults = {name: _or_null(schema) for name, schema in schemas.items()}
    own = {name: {key: schema[key] for key in schema if key != "default"} for name, schema in defaults.items()}
    item = {**_photo(settings), **own}
    images = listing(reference("BatchPhoto"), "The photos.", minItems=1, maxItems=settings.max_batch_images)
    refused = {"allOf": [reference("Problem")], "description": "What is wrong with one photo."}
    analysed = record("One photo's answer.", status=whole("As if it had been sent alone.", const=200))
    one = {
        "oneOf": [{"allOf": [analysed, analysis_schema(alone=False)]}, refused],
        "description": "An analysis or a problem.",
    }
    return {
        "BatchRequest": _closed(
            without_need(record("Photos, and how to analyse all of them.", images=images, **defaults), *defaults)
        ),
        "BatchPhoto": _closed(
            without_need(record("A photo; its own options go before those of all.", **item), *list(item)[1:])
        ),
        "BatchAnalysis": record(
            "An answer for each photo, in their order.",
            results=listing(one, "As many as there were photos."),
            request_id=text("As in `X-Request-ID`."),
        ),
    }


def _photo(settings: Settings) -> dict[str, Schema]:
    most = settings.max_image_bytes
    image = text(
        f"The photo in base64, with or without a `data:` prefix; JPEG, PNG, WebP, BMP, GIF or TIFF of at most {most:,} "
        f"bytes, {settings.max_pixels:,} pixels and {settings.min_side:,} to {settings.max_side:,} pixels a side.",
        contentEncoding="base64",
        contentMediaType="image/*",
    )
    filename = text("Taken for the sake of existing clients, and never kept.", type=["string", "null"])
    return {"image": image, "filename": filename}


def _closed(schema: Schema) -> Schema:
    return schema | {"additionalProperties": False}
