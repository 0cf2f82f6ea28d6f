"""`python -m faceattr models convert`: a Caffe net to ONNX."""

from __future__ import annotations

import sys
from pathlib import Path

from faceattr.errors import CaffeError, PackError
from faceattr.files import write_whole
from faceattr.nets import importer_is_installed
from faceattr.packs.inspect import describe_wrong_prototxt, describe_wrong_weights

EXIT_USAGE, EXIT_DATA, EXIT_NO_INPUT, EXIT_CANNOT_WRITE, EXIT_CONFIG = 64, 65, 66, 73, 78
"""As sysexits.h names them: EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_CANTCREAT, EX_CONFIG."""


def convert(prototxt: Path, caffemodel: Path, target: Path) -> int:
    """Writes the net as ONNX, its batch free; an SSD ends at the raw location and confidence of its priors."""
    if not importer_is_installed():
        return _fail("The importer's libraries are missing: pip install onnx protobuf.", EXIT_CONFIG)
    from faceattr.caffe import fold, read_net, subgraph, to_onnx
    from faceattr.caffe.ssd import SSDHead

    try:
        structure, weights = prototxt.read_bytes(), caffemodel.read_bytes()
    except OSError as error:
        return _fail(f"{error.filename} cannot be read: {error.strerror}.", EXIT_NO_INPUT)
    if target.exists() and any(target.samefile(source) for source in (prototxt, caffemodel)):
        return _fail(f"{target} is what is to be converted; name another file for the ONNX model.", EXIT_USAGE)
    try:
        for path, wrong in (
            (prototxt, describe_wrong_prototxt(structure)),
            (caffemodel, describe_wrong_weights(weights)),
        ):
            if wrong:
                raise PackError(f"{path} is {wrong}.")
        graph = read_net(structure, weights)
        head = SSDHead.from_graph(graph)
        outputs = (head.location, head.confidence) if head else graph.outputs
        model = to_onnx(fold(subgraph(graph, outputs)))
    except (CaffeError, PackError) as error:
        where = "" if isinstance(error, PackError) else f"{prototxt} with {caffemodel}: "
        return _fail(f"{where}{error}".rstrip(".") + ".", EXIT_DATA)
    try:
        write_whole(target, model)
    except OSError as error:
        return _fail(f"{target} cannot be written: {error.strerror}.", EXIT_CANNOT_WRITE)
    shape = "×".join(map(str, ("N", *next(iter(graph.inputs.values()))[1:])))
    print(f"{target}: {len(model):,} bytes, input {shape}, outputs {', '.join(outputs)}")
    if head:
        print("PriorBox and DetectionOutput are left out: decode with faceattr.caffe.ssd.SSDHead.")
        for note in head.notes:
            print(note)
    return 0


def _fail(sentence: str, code: int) -> int:
    print(f"faceattr: {sentence}", file=sys.stderr)
    return code
