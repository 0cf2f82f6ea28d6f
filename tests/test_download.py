from __future__ import annotations

import fcntl
import hashlib
import io
import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from faceattr.errors import CannotWrite, PackError, Unreachable
from faceattr.packs.download import Patience, download
from faceattr.packs.known import KNOWN_PACKS, KnownFile
from faceattr.packs.progress import Progress
from tests.caffe_files import classifier
from tests.file_server import (
    Answer,
    FileServer,
    endless,
    ranged,
    raw,
    redirect,
    serving,
    status,
    unannounced,
    whole,
)

CONTENT = classifier(8, 227)[1]
NAME = "net.caffemodel"
HALF = len(CONTENT) // 2
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 45661480\n"


def known(content: bytes = CONTENT) -> KnownFile:
    return KnownFile(NAME, len(content), "SHA-256", hashlib.sha256(content).hexdigest(), "")


FILE = known()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        yield server


def run(server: FileServer, directory: Path, *answers: Answer, file: KnownFile = FILE, timeout: float = 5) -> str:
    """Downloads from a server with these answers; what was said meanwhile."""
    server.answers.setdefault(NAME, list(answers))
    said = io.StringIO()
    download(file, f"{server.base}/{NAME}", directory, Progress(said), Patience(timeout, (0, 0, 0)))
    return said.getvalue()


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def leave_part(directory: Path, content: bytes) -> Path:
    part = directory / f"{NAME}.part"
    part.write_bytes(content)
    return part


def test_a_file_arrives_under_its_name_readable_by_all_whatever_the_umask(server: FileServer, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        said = run(server, tmp_path, whole(CONTENT))
    finally:
        os.umask(before)
    assert names(tmp_path) == [NAME]
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o644
    assert "100%" in said
    assert "\r" not in said


def test_a_file_known_by_its_git_blob_id_is_proved_by_it(server: FileServer, tmp_path: Path) -> None:
    digest = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
    run(server, tmp_path, whole(CONTENT), file=KnownFile(NAME, len(CONTENT), "git blob id", digest, ""))
    assert names(tmp_path) == [NAME]
    with pytest.raises(PackError, match="its git blob id is [0-9a-f]{40}, expected 0000"):
        run(server, tmp_path, file=KnownFile(NAME, len(CONTENT), "git blob id", "0" * 40, ""))


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (CONTENT[:-1] + b"\x77", "another or a damaged file: its SHA-256 is [0-9a-f]{64}, expected " + FILE.digest),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", r"an HTML page \(48 bytes\)"),
        (b"<html>" + b" " * 3 * len(CONTENT), "an HTML page"),
        (LFS_POINTER, r"a Git LFS pointer \(133 bytes\)"),
        (b"", r"empty \(0 bytes\)"),
        (bytes(len(CONTENT)), "nothing but zero bytes"),
        (b"moved elsewhere\n", r"a text file \(16 bytes\)"),
        (CONTENT[:-100], "truncated .*: at least 100 bytes are missing"),
        (CONTENT + CONTENT, f"another file: {2 * len(CONTENT):,} bytes, expected {len(CONTENT):,}"),
    ],
    ids=["digest", "page", "long page", "pointer", "empty", "zeros", "text", "short", "long"],
)
def test_another_file_is_named_for_what_it_is_and_not_kept(
    server: FileServer, tmp_path: Path, content: bytes, cause: str
) -> None:
    with pytest.raises(PackError, match=f"^What http://.* sends is {cause}.* It was not kept"):
        run(server, tmp_path, whole(content))
    assert names(tmp_path) == []
    assert len(server.asked) == 1


def test_an_endless_answer_is_cut_off(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(PackError, match="bytes"):
        run(server, tmp_path, endless)
    assert names(tmp_path) == []


def test_a_lost_connection_is_resumed_where_it_broke(server: FileServer, tmp_path: Path) -> None:
    said = run(server, tmp_path, ranged(CONTENT, cut=HALF), ranged(CONTENT))
    assert server.asked == [(NAME, None, None), (NAME, f"bytes={HALF}-", '"1"')]
    assert "the connection was lost: trying again" in said
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_connection_that_breaks_again_and_again_but_brings_something_is_not_given_up(
    server: FileServer, tmp_path: Path
) -> None:
    run(server, tmp_path, ranged(CONTENT, cut=len(CONTENT) // 10))
    assert len(server.asked) >= 10
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_file_that_is_always_cut_short_is_given_up_and_its_part_kept(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"the connection was lost \(tried 4 times\)\. .* are kept: the next run"):
        run(server, tmp_path, whole(CONTENT, cut=HALF))
    assert names(tmp_path) == [f"{NAME}.part"]
    assert (tmp_path / f"{NAME}.part").read_bytes() == CONTENT[:HALF]


def test_a_later_run_goes_on_with_what_an_earlier_one_left(server: FileServer, tmp_path: Path) -> None:
    leave_part(tmp_path, CONTENT[:HALF])
    said = run(server, tmp_path, ranged(CONTENT))
    assert server.asked == [(NAME, f"bytes={HALF}-", None)]
    assert "of it already here" in said
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert names(tmp_path) == [NAME]


def test_a_part_that_is_whole_needs_no_network(server: FileServer, tmp_path: Path) -> None:
    leave_part(tmp_path, CONTENT)
    run(server, tmp_path, status(500))
    assert server.asked == []
    assert names(tmp_path) == [NAME]


PARTS: list[tuple[str, bytes, list[Answer]]] = [
    ("no ranges", CONTENT[:HALF], [whole(CONTENT)]),
    ("of another file", b"\x55" * HALF, [ranged(CONTENT)]),
    ("whole but of another file", b"\x55" * len(CONTENT), [ranged(CONTENT)]),
    ("too long", CONTENT + b"\0", [ranged(CONTENT)]),
    ("another total", CONTENT[:HALF], [ranged(CONTENT, total=len(CONTENT) + 1), ranged(CONTENT)]),
    ("416", CONTENT[:HALF], [status(416), ranged(CONTENT)]),
    ("206 unasked", b"", [status(206), ranged(CONTENT)]),
    ("new version", b"", [ranged(b"\x55" * len(CONTENT), etag='"0"', cut=HALF), ranged(CONTENT)]),
    ("weak validator", b"", [ranged(CONTENT, etag='W/"0"', cut=HALF), ranged(CONTENT)]),
]


@pytest.mark.parametrize(("part", "answers"), [row[1:] for row in PARTS], ids=[row[0] for row in PARTS])
def test_a_part_that_cannot_be_gone_on_with_is_begun_again(
    server: FileServer, tmp_path: Path, part: bytes, answers: list[Answer]
) -> None:
    leave_part(tmp_path, part)
    run(server, tmp_path, *answers)
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert names(tmp_path) == [NAME]


def test_a_file_without_announced_length_arrives(server: FileServer, tmp_path: Path) -> None:
    run(server, tmp_path, unannounced(CONTENT))
    assert (tmp_path / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_with_the_range(server: FileServer, tmp_path: Path, code: int) -> None:
    leave_part(tmp_path, CONTENT[:HALF])
    server.answers["there"] = [ranged(CONTENT)]
    run(server, tmp_path, redirect("/there", code))
    assert server.asked[-1] == ("there", f"bytes={HALF}-", None)
    assert (tmp_path / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (redirect(f"/{NAME}"), "redirects in a circle, too often, or to nowhere"),
        (status(302), "redirects in a circle, too often, or to nowhere"),
        (redirect("file:///etc/passwd"), r"redirects to something that is not on the web \('file'\)"),
        (redirect("ftp://127.0.0.1/x"), r"redirects to something that is not on the web \('ftp'\)"),
        (redirect("http://[::1"), "leads to an address that cannot be read"),
        (status(404), "answers 404 Not Found"),
        (status(403), "answers 403 Forbidden"),
        (status(299), "answers 299"),
        (status(204), "answers 204 No Content"),
    ],
)
def test_what_will_not_get_better_is_not_tried_again(
    server: FileServer, tmp_path: Path, answer: Answer, cause: str
) -> None:
    with pytest.raises(Unreachable, match=cause):
        run(server, tmp_path, answer)
    assert names(tmp_path) == []
    assert len(server.asked) <= 6


def test_a_chain_of_redirects_has_an_end(server: FileServer, tmp_path: Path) -> None:
    for number in range(20):
        server.answers[f"{number}"] = [redirect(f"/{number + 1}")]
    with pytest.raises(Unreachable, match="too often"):
        run(server, tmp_path, redirect("/0"))
    assert len(server.asked) <= 6


@pytest.mark.parametrize(
    "answer", [status(503), status(429), raw(b""), raw(b"220 mail.example ESMTP\r\n\r\n"), raw(b"HTTP/1.1 200")]
)
def test_a_passing_failure_is_tried_again(server: FileServer, tmp_path: Path, answer: Answer) -> None:
    said = run(server, tmp_path, answer, whole(CONTENT))
    assert "trying again in 0 s" in said
    assert names(tmp_path) == [NAME]


def test_a_server_that_falls_silent_counts_as_lost(server: FileServer, tmp_path: Path) -> None:
    quiet = threading.Event()

    def silent(handler: object) -> None:
        quiet.wait(5)

    try:
        with pytest.raises(Unreachable, match=r"nothing came for 0\.05 s \(tried 4 times\)"):
            run(server, tmp_path, silent, timeout=0.05)
    finally:
        quiet.set()
    assert names(tmp_path) == []


def test_a_server_that_resumes_with_nothing_is_given_up(server: FileServer, tmp_path: Path) -> None:
    leave_part(tmp_path, CONTENT[:HALF])
    nothing = status(206, Content_Range=f"bytes {HALF}-{HALF}/{len(CONTENT)}")
    with pytest.raises(Unreachable, match=r"the server sends nothing \(tried 4 times\)"):
        run(server, tmp_path, nothing)
    assert names(tmp_path) == [f"{NAME}.part"]


def test_a_refused_connection_is_said(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/{NAME}"
        with pytest.raises(Unreachable, match=r"Connection refused \(tried 2 times\)\.$"):
            download(FILE, address, tmp_path, Progress(io.StringIO()), Patience(5, (0,)))
    assert names(tmp_path) == []


def test_an_interrupted_download_keeps_its_part(server: FileServer, tmp_path: Path) -> None:
    class Interrupted(Progress):
        def at(self, received: int) -> None:
            raise KeyboardInterrupt

    server.answers[NAME] = [whole(CONTENT)]
    with pytest.raises(KeyboardInterrupt):
        download(FILE, f"{server.base}/{NAME}", tmp_path, Interrupted(io.StringIO()), Patience(5, ()))
    assert names(tmp_path) == [f"{NAME}.part"]
    run(server, tmp_path, ranged(CONTENT))
    assert names(tmp_path) == [NAME]


def test_two_runs_do_not_write_one_part(server: FileServer, tmp_path: Path) -> None:
    with leave_part(tmp_path, CONTENT[:HALF]).open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(CannotWrite, match=r"net.caffemodel.part is being written by another run"):
            run(server, tmp_path, ranged(CONTENT))
    assert server.asked == []


def test_a_part_that_cannot_be_written_is_said(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").mkdir()
    with pytest.raises(CannotWrite, match=r"net.caffemodel.part cannot be written: Is a directory"):
        run(server, tmp_path, whole(CONTENT))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_that_ends_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceattr.packs.progress.time.monotonic", iter(range(0, 100, 2)).__next__)
    progress = Progress(stream := Terminal())
    progress.begin("a.caffemodel", 1_000_000, 4_000_000)
    progress.at(2_000_000)
    progress.say("lost")
    progress.at(4_000_000)
    progress.end()
    lines = stream.getvalue().split("\n")
    assert lines[0] == "a.caffemodel: 4.0 MB, 1.0 MB of it already here"
    assert lines[1].rstrip() == "\r  [############............]  50%  2.0 of 4.0 MB, 0.5 MB/s"
    assert lines[2] == "lost"
    assert lines[-2].split("\r")[-1].rstrip() == "  [########################] 100%  4.0 of 4.0 MB, 0.5 MB/s"
    assert lines[-1] == ""


def test_the_rate_counts_only_what_came_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceattr.packs.progress.time.monotonic", iter(range(0, 100, 10)).__next__)
    progress = Progress(stream := io.StringIO())
    progress.begin("a.caffemodel", 3_000_000, 4_000_000)
    progress.at(2_000_000)  # the server began again
    progress.at(4_000_000)
    assert stream.getvalue().splitlines()[-1] == "  a.caffemodel: 100%  4.0 of 4.0 MB, 0.1 MB/s"


def test_the_known_files_have_addresses_digests_and_names_that_fit() -> None:
    for pack in KNOWN_PACKS:
        for file in pack.files:
            assert file.address.startswith("https://")
            assert file.address.rsplit("/", 1)[1] == file.name
            assert len(bytes.fromhex(file.digest)) == {"SHA-256": 32, "git blob id": 20}[file.digest_kind]
            assert file.size > 10_000_000
