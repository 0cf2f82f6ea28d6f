"""Becomes a program inside the root: `python -m scripts.replay.enter ROOM COMMAND...`, run by unshare or nsenter.

Stays the same process all the way, so that what is run as process 1 of a container is process 1.
"""

from __future__ import annotations

import ctypes
import dataclasses
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

_DEVICES = ("null", "zero", "full", "random", "urandom")
_PR_SET_NO_NEW_PRIVS = 38
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


@dataclasses.dataclass(frozen=True, slots=True)
class Room:
    """A root and how to be in it. `binds`: path of this machine and the one in the root that shows it, read-only.

    `sealed`: the root is read-only, and /tmp full besides; else both can be written to. `user`: None for root.
    """

    root: str
    workdir: str = "/"
    environ: dict[str, str] = dataclasses.field(default_factory=dict)
    user: tuple[int, int] | None = None
    binds: tuple[tuple[str, str], ...] = ()
    sealed: bool = False
    offline: bool = False
    """Whether it has a network of its own, with nothing but a loopback."""
    mounted: bool = False
    """Whether another process has made all this, and this one only joins."""

    def as_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))


def furnish(room: Room) -> None:
    """Makes the mounts of a room, in a mount namespace of its own."""
    root = Path(room.root)
    _mount("--make-rprivate", "/")
    _mount("--bind", room.root, room.root)
    _mount("-t", "proc", "proc", str(root / "proc"))
    _mount("-t", "tmpfs", "-o", "size=64k,mode=755", "dev", str(root / "dev"))
    for name in _DEVICES:
        (root / "dev" / name).touch()
        _mount("--bind", f"/dev/{name}", str(root / "dev" / name))
    for source, target in room.binds:
        place = root / target.lstrip("/")
        _mount("--bind", source, str(place))
        _mount("-o", "remount,bind,ro", str(place))
    if room.sealed:
        temporary = root / "tmp"
        _mount("-t", "tmpfs", "-o", "size=4k,mode=1777", "tmp", str(temporary))
        (temporary / "full").write_bytes(bytes(4096))
        _mount("-o", "remount,ro", str(temporary))
        _mount("-o", "remount,bind,ro", room.root)


def raise_loopback() -> None:
    """Makes 127.0.0.1 work in a new network namespace, where there is nothing else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def become(room: Room, command: list[str]) -> None:
    """Runs the command in the room in the place of this process."""
    os.chroot(room.root)
    os.chdir(room.workdir)
    os.setgroups([])
    if room.user is not None:
        user, group = room.user
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
    os.umask(0o022)
    os.execvpe(command[0], command, room.environ)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


if __name__ == "__main__":
    values = json.loads(sys.argv[1])
    values["binds"] = tuple(tuple(pair) for pair in values["binds"])
    given = Room(**values)
    if not given.mounted:
        furnish(given)
        if given.offline:
            raise_loopback()
    become(given, sys.argv[2:])
