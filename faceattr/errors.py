"""Every error the package raises, in one tree. Each class has a stable `code`; its text is a sentence for people."""

from __future__ import annotations


class FaceAttrError(Exception):
    """Base of all errors of this package."""

    code = "internal"


class SettingsError(FaceAttrError):
    """A setting has a name, type or value that is not allowed."""

    code = "bad_setting"


class CaffeError(FaceAttrError):
    """A prototxt or caffemodel cannot be read."""

    code = "bad_net"


class PackError(FaceAttrError):
    """A model pack cannot be used: a file is missing, wrong or does not fit the others."""

    code = "bad_pack"


class EngineError(FaceAttrError):
    """An inference engine is missing, cannot load a net, or failed while running one."""

    code = "engine"


class CannotWrite(FaceAttrError):
    """Results cannot be written where they should be."""

    code = "cannot_write"


class WriteFailed(CannotWrite):
    """Results could be written so far, and now cannot: a full disk, a limit, a fault of the device."""

    code = "write_failed"


class Busy(FaceAttrError):
    """Another process is at work in the same place."""

    code = "busy"


class StateError(FaceAttrError):
    """What an earlier run left behind is damaged, or does not fit this one."""

    code = "bad_state"


class Unreachable(FaceAttrError):
    """An address gives no answer that could be used."""

    code = "unreachable"


class OptionError(FaceAttrError):
    """An analysis option is unknown or has a wrong type or value."""

    code = "bad_request"


class OutOfMemory(FaceAttrError):
    """The photo needs more memory than is left, even alone on a single thread."""

    code = "out_of_memory"


class Overloaded(FaceAttrError):
    """More work waits than can be done in time."""

    code = "overloaded"


class Abandoned(FaceAttrError):
    """Nobody waits for the result any more."""

    code = "abandoned"


class PhotoError(FaceAttrError):
    """Base of all errors whose cause is the photo itself."""

    code = "invalid_image"


class EmptyImage(PhotoError):
    """The photo has no bytes."""

    code = "empty_image"


class ImageTooLarge(PhotoError):
    """The photo has more bytes than allowed."""

    code = "image_too_large"


class UnsupportedImage(PhotoError):
    """The bytes are not in a supported image format."""

    code = "unsupported_image"


class TruncatedImage(PhotoError):
    """The photo ends before its last pixel."""

    code = "truncated_image"


class InvalidImage(PhotoError):
    """The photo's header or pixels cannot be read."""

    code = "invalid_image"


class TooManyPixels(PhotoError):
    """The photo's width × height is above the limit."""

    code = "too_many_pixels"


class BadDimensions(PhotoError):
    """A side of the photo is shorter or longer than allowed."""

    code = "bad_dimensions"
