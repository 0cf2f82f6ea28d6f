"""Names what bytes look like that are not a supported picture, so that people can mend the right thing."""

from __future__ import annotations

import re

_MAGICS = (
    (b"%PDF", "a PDF document"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"II+\0", "a BigTIFF picture"),
    (b"MM\0+", "a BigTIFF picture"),
    (b"\0\0\1\0", "an icon (ICO)"),
    (b"\0\0\2\0", "a cursor (CUR)"),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance HDR picture"),
    (b"#?RGBE", "a Radiance HDR picture"),
    (b"8BPS", "a Photoshop document (PSD)"),
    (b"gimp xcf", "a GIMP document (XCF)"),
    (b"AT&TFORM", "a DjVu document"),
    (b"PK\3\4", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x1a\x45\xdf\xa3", "a video (Matroska or WebM)"),
    (b"FUJIFILMCCD-RAW", "a camera's raw file"),
    (b"IIRO", "a camera's raw file"),
    (b"IIU\0", "a camera's raw file"),
    (b"\x59\xa6\x6a\x95", "a Sun raster picture"),
    (b"version https://git-lfs", "a Git LFS pointer: the photo itself was never fetched"),
    (b"{", "JSON text"),
)
_BRANDS = (
    (rb".{0,60}avi[fs]", "an AVIF picture"),
    (rb"hei[cxms]|hev[cxms]|mif1|msf1", "a HEIC picture"),
    (rb"crx ", "a camera's raw file"),
    (rb".*", "a video (MP4 or MOV)"),
)
_RIFF = {b"AVI ": "a video (AVI)", b"WAVE": "a sound (WAV)"}
_TEXTS = (
    (rb"<!doctype html|<html|<head|<body", "an HTML page"),
    (rb"<svg|<\?xml.{0,1000}<svg", "an SVG drawing"),
    (rb"<\?xml|<[a-z]", "an XML document"),
    (rb"data:image/", "a data URL instead of the bytes of a picture"),
    (rb"p[1-7f]\s", "a Netpbm picture"),
    (rb"/9j/|ivborw0kgg|uklgr|r0lgod", "base64 text instead of the bytes of a picture"),
)  # tried in lower case, behind white space
_HEAD = 2048
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def kind_of(data: bytes) -> str:
    """A noun phrase for the kind of file that the bytes begin."""
    for magic, kind in _MAGICS:
        if data.startswith(magic):
            return kind
    if data[4:8] == b"ftyp":
        return next(kind for brand, kind in _BRANDS if re.match(brand, data[8:68], re.DOTALL))
    if data[:4] == b"RIFF" and data[8:12] in _RIFF:
        return _RIFF[data[8:12]]
    if data[128:132] == b"DICM":
        return "a medical picture (DICOM)"
    head = data[:_HEAD]
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for start, kind in _TEXTS:
        if re.match(start, text, re.DOTALL):
            return kind
    if not head.strip(b"\0"):
        return "nothing but zero bytes, as of a file that was never written"
    if _is_text(head):
        return "plain text"
    return "a file of an unknown kind"


def _is_text(head: bytes) -> bool:
    if _CONTROLS.search(head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3  # A character may be cut where the head ends.
    return True
