"""From a request to a photo and what is asked of it: base64 in JSON, multipart/form-data, or the image itself."""

from __future__ import annotations

import binascii
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from flask import Request

from faceattr.options import Options
from faceattr.types import PictureFormat
from faceattr.web.problems import Problem

PICTURES: Mapping[Any, PictureFormat | None] = {"png": "png", "jpeg": "jpeg", "none": None}
MAX_JSON_VALUES = 500
"""Far more than a request has. Millions of empty lists fit in a body, and each takes 60 times its bytes once decoded;
and so few cannot nest deeper than Python's stack allows."""
_STRUCTURE = (b"[", b"{", b",")
"""What separates JSON's values, and never occurs in base64."""
_WHITESPACE = dict.fromkeys(map(ord, " \t\r\n"))


@dataclass(frozen=True, slots=True)
class PhotoRequest:
    """A photo as it came, how to analyse it, the picture to send back, if any, and the pack, if one is named."""

    photo: bytes
    options: Options
    picture: PictureFormat | None
    model: str | None


def read_photo_request(request: Request) -> PhotoRequest:
    """The photo and options of a request to `/analyze`. Raises Problem or OptionError naming what is wrong."""
    kind = request.mimetype
    if kind == "application/json" or kind.endswith("+json"):
        return _from_json(request)
    if kind == "multipart/form-data":
        return _with_query(_multipart_photo(request), request)
    if kind.startswith("image/"):
        return _with_query(request.get_data(cache=False), request)
    if not kind and not request.get_data():
        raise Problem("bad_request", "The body is empty. Send a photo as JSON, multipart/form-data or image/*.")
    raise Problem(
        "unsupported_media_type",
        "Send Content-Type: application/json with base64 in 'image', multipart/form-data with a file 'image', "
        "or the photo itself as image/*.",
    )


def _from_json(request: Request) -> PhotoRequest:
    if request.args:
        raise Problem("bad_request", "With a JSON body the options belong in the body, not in the address.")
    values = decode_json(request.get_data(cache=False))
    if not isinstance(values, dict):
        raise Problem("bad_request", 'The JSON must be an object like {"image": "<base64>"}.')
    return photo_of(values)


def photo_of(values: dict[str, Any], picture: str = "png") -> PhotoRequest:
    """The photo and options of a decoded JSON object, which loses its members; `picture`: `annotate` by default.

    Raises Problem or OptionError naming what is wrong.
    """
    image = values.pop("image", None)
    if not isinstance(image, str):
        raise Problem("bad_request", "The field 'image' is missing or not a string: it holds the photo in base64.")
    filename = values.pop("filename", None)
    if filename is not None and not isinstance(filename, str):
        raise Problem("bad_request", "The field 'filename' must be a string.")
    options, wanted, model = wishes_of(values, picture)
    return PhotoRequest(decode_base64(image), options, wanted, model)


def wishes_of(values: dict[str, Any], picture: str = "png") -> tuple[Options, PictureFormat | None, str | None]:
    """Options, picture and pack of a decoded JSON object that has nothing else. Raises Problem or OptionError."""
    wanted, model = _picture(values.pop("annotate", None), picture), values.pop("model", None)
    if model is not None and not isinstance(model, str):
        raise Problem("bad_request", "The field 'model' must be a string: a name as GET /models has it.")
    return Options.from_json(values), wanted, model


def _with_query(photo: bytes, request: Request) -> PhotoRequest:
    values: dict[str, str] = {}
    for name, given in request.args.lists():
        if len(given) > 1:
            raise Problem("bad_request", f"Option {name[:40]!a} is given {len(given)} times.")
        values[name] = given[0]
    picture, model = _picture(values.pop("annotate", None)), values.pop("model", None)
    return PhotoRequest(photo, Options.from_text(values), picture, model)


def _multipart_photo(request: Request) -> bytes:
    files, fields = request.files.getlist("image"), request.form.getlist("image")
    others = [name for name in (*request.form, *request.files) if name not in ("image", "filename")]
    if others:
        name = ascii((others[0] or "")[:40])  # a part may lack a name
        raise Problem(
            "bad_request",
            f"Unknown field {name}. In a multipart request the photo is the field 'image', and options belong in the"
            " address.",
        )
    if len(files) + len(fields) != 1:
        found = len(files) + len(fields) or (
            "none: it is missing, or the multipart body has no boundary, no end, or a file name that is not UTF-8"
        )
        raise Problem("bad_request", f"Exactly one field 'image' is expected, found {found}.")
    return files[0].read() if files else decode_base64(fields[0])


def _picture(value: Any, default: str = "png") -> PictureFormat | None:
    value = default if value is None else value
    if not isinstance(value, str) or value not in PICTURES:
        raise Problem("bad_request", "Option 'annotate' must be 'png', 'jpeg' or 'none'.")
    return PICTURES[value]


def decode_json(body: bytes) -> Any:
    """The value of a body. Raises Problem `bad_json` also when it has more values than any request."""
    if not body:
        raise Problem("bad_json", 'The body is empty; expected an object like {"image": "<base64>"}.')
    if sum(body.count(mark) for mark in _STRUCTURE) > MAX_JSON_VALUES:
        raise Problem("bad_json", f"The JSON has more than {MAX_JSON_VALUES} values; a request needs a few.")
    try:
        return json.loads(body, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise Problem("bad_json", f"Not valid JSON: {error.msg} at position {error.pos:,}.") from None
    except (UnicodeDecodeError, ValueError) as error:
        text = "the body is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error).partition(";")[0]
        raise Problem("bad_json", f"Not valid JSON: {text}.") from None


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object; of a member that is there twice, some would see the first and some the last (RFC 8259, 4)."""
    values = dict(members)
    if len(values) < len(members):
        name, count = Counter(name for name, _ in members).most_common(1)[0]
        raise Problem("bad_request", f"Field {name[:40]!a} is given {count} times.")
    return values


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def decode_base64(text: str, field: str = "image") -> bytes:
    """Bytes from standard base64 (RFC 4648 §4), with or without a `data:` prefix, line breaks allowed.

    Raises Problem `bad_base64` or `empty_image`, which names the field.
    """
    if text[:5].lower() == "data:":
        head, comma, text = text.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise Problem("bad_base64", "The data: URI is not in base64; expected 'data:image/...;base64,...'.")
    try:
        data = text.encode("ascii")
        photo = binascii.a2b_base64(data, strict_mode=True) if data else b""
    except ValueError:
        # Rarely needed, and two more copies of the photo: only when strict decoding failed.
        photo = _decode_with_line_breaks(text, field)
    if not photo:
        raise Problem("empty_image", f"The field '{field}' holds no data.")
    return photo


def _decode_with_line_breaks(text: str, field: str) -> bytes:
    try:
        return binascii.a2b_base64(text.translate(_WHITESPACE).encode("ascii"), strict_mode=True)
    except UnicodeEncodeError:
        raise Problem("bad_base64", f"The field '{field}' has characters that are not base64.") from None
    except binascii.Error as error:
        raise Problem("bad_base64", f"The field '{field}' is not valid base64: {error}.") from None
