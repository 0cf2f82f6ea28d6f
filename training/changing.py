"""Changes layers of a Caffe net that is there."""

from __future__ import annotations

from collections.abc import Callable

from faceattr.caffe import read_net
from training.caffemodel import Blobs, caffemodel


def with_changed(text: bytes, binary: bytes, change: Callable[[str, Blobs], Blobs]) -> bytes:
    """The caffemodel of a net with the blobs of each layer as `change` makes them, of its name and what they were."""
    nodes = [node for node in read_net(text, binary).nodes if node.weights]
    return caffemodel({node.name: (node.type, change(node.name, node.weights)) for node in nodes})
