"""Model packs: where they are, what they hold, and whether it is what it should be."""

from faceattr.packs.manifest import AgeSpec, ClassifierSpec, DetectorSpec, GenderSpec, NetFiles, Pack
from faceattr.packs.named import joined, named_directories, only_directory
from faceattr.packs.source import NetContent, PackContent, find_pack, load_pack, read_pack

__all__ = [
    "AgeSpec",
    "ClassifierSpec",
    "DetectorSpec",
    "GenderSpec",
    "NetContent",
    "NetFiles",
    "Pack",
    "PackContent",
    "find_pack",
    "joined",
    "load_pack",
    "named_directories",
    "only_directory",
    "read_pack",
]
