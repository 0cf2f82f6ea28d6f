"""What is proven of an image once its steps are done: it starts, answers, is found healthy and ends, as its user."""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.replay import ask
from scripts.replay.build import environ_of
from scripts.replay.dockerfile import Image
from scripts.replay.enter import Room
from scripts.replay.rooms import Container, run_in

READY = "ready on http"
MODELS, LOGS, TOKENS = "/root/models", "/root/logs", "/tokens"


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was tried."""

    what: str
    found: str
    holds: bool


class Prover:
    """Tries an image in a root. `folder`: for what is mounted into it; `photo`: a JPEG with one face."""

    def __init__(self, image: Image, root: Path, folder: Path, checkout: Path, photo: Path) -> None:
        if image.user is None or not (image.command and image.healthcheck and image.ports):
            raise SystemExit("replay-image: the Dockerfile must have USER, CMD, HEALTHCHECK and EXPOSE")
        self._image, self._root, self._folder, self._photo = image, root, folder, photo
        self._user, self._checkout = image.user, checkout
        environ = environ_of(image.environ, image.user)
        self._room = Room(str(root), image.workdir, environ, image.user, sealed=True, offline=True)

    def all(self) -> Iterator[Proof]:
        """Every proof, one after the other."""
        for proof in (self._libraries, self._closed_door):
            yield from proof()
        yield from self._life()
        for other in (self._mounted_models, self._unreadable_models, self._tokens, self._diagnostics):
            yield from other()

    def _with(self, **environ: str) -> Room:
        return dataclasses.replace(self._room, environ={**self._room.environ, **environ})

    def _libraries(self) -> Iterator[Proof]:
        search = "find / -xdev -path '*-packages/*' -name '*.so*' -type f -exec ldd {} + 2>/dev/null"
        room = Room(str(self._root), environ=self._room.environ)
        listed = run_in(room, ["/bin/sh", "-c", search], check=False).stdout
        missing = sorted({line.split()[0] for line in listed.splitlines() if "not found" in line})
        count = sum(line.endswith(":") for line in listed.splitlines())
        found = f"{count} looked at; missing: {', '.join(missing) or 'none'}"
        yield Proof("shared libraries of the packages", found, count > 0 and not missing)

    def _closed_door(self) -> Iterator[Proof]:
        with Container(self._room, self._image.command) as container:
            code = container.end()
        said = next((line.strip() for line in container.log if "--token-file" in line), "")
        yield Proof(
            "CMD, nothing said of who may come in", f"exit code {code}: {said[:60]}…", code == 64 and bool(said)
        )

    def _life(self) -> Iterator[Proof]:
        begin = time.monotonic()
        with Container(self._with(FACEATTR_OPEN="1"), self._image.command) as container:
            if not container.wait_for(READY):
                yield Proof("CMD", "not ready: " + "".join(container.log)[-2000:], False)
                return
            seconds = time.monotonic() - begin
            status = container.status()
            inside, user, rights = status["NSpid"].split()[-1], status["Uid"].split()[0], status["CapEff"]
            found = f"process {inside}, user {user}, capabilities {int(rights, 16):x}, ready after {seconds:.1f} s"
            expected = (inside, user, int(rights, 16)) == ("1", str(self._user[0]), 0)
            yield Proof("CMD, all of the disk read-only, /tmp full, no network", found, expected)
            yield from self._answers(container)
            yield self._command("HEALTHCHECK while it runs", container, self._image.healthcheck, 0)
            yield self._command("doctor beside it", container, ["python", "-m", "faceattr", "doctor"], 0)
            code = container.stop(self._image.stop_signal)
        last = container.log[-1].strip() if container.log else ""
        yield Proof(self._image.stop_signal, f"exit code {code}: {last}", code == 0)
        ran = run_in(self._room, self._image.healthcheck, check=False)
        yield Proof("HEALTHCHECK while nothing runs", f"exit code {ran.returncode}", ran.returncode == 1)

    def _answers(self, container: Container) -> Iterator[Proof]:
        status, _ = self._ask(container, "GET", "/readyz")
        yield Proof("GET /readyz", str(status), status == 200)
        status, answer = self._ask(container, "POST", "/analyze", str(self._photo))
        faces = len(json.loads(answer).get("faces", ())) if status == 200 else 0
        yield Proof("POST /analyze, with a picture back", f"{status}, {faces} face, {len(answer):,} bytes", faces == 1)
        status, page = self._ask(container, "GET", "/")
        yield Proof("GET /", f"{status}, {len(page):,} characters", status == 200 and "<html" in page)

    def _mounted_models(self) -> Iterator[Proof]:
        pack = self._copy_of_models("pack", 0o755)
        room = dataclasses.replace(self._with(FACEATTR_OPEN="1"), binds=((str(pack), MODELS),))
        with Container(room, self._image.command) as container:
            used = container.wait_for(READY) and any(f"from {MODELS}" in line for line in container.log)
            faces = container.execute(["/bin/ls", "/root"]).returncode
        yield Proof(f"models mounted at {MODELS}", "are used" if used else "are not used", used)
        yield Proof("/root itself", "cannot be listed" if faces else "can be listed", bool(faces))

    def _unreadable_models(self) -> Iterator[Proof]:
        pack = self._copy_of_models("closed", 0o700)
        room = dataclasses.replace(self._with(FACEATTR_OPEN="1"), binds=((str(pack), MODELS),))
        with Container(room, self._image.command) as container:
            code = container.end()
        said = container.log[-1].strip() if container.log else ""
        holds = code == 78 and MODELS in said
        yield Proof("models that its user may not read", f"exit code {code}: {said[:90]}", holds)

    def _tokens(self) -> Iterator[Proof]:
        place, tokens = self._root / TOKENS.lstrip("/"), self._folder / "tokens"
        place.touch()
        tokens.write_text(f"door:{secrets.token_hex(16)}\n")
        tokens.chmod(0o600)
        os.chown(tokens, *self._user)
        room = dataclasses.replace(self._with(FACEATTR_TOKEN_FILE=TOKENS), binds=((str(tokens), TOKENS),))
        with Container(room, self._image.command) as container:
            ready = container.wait_for(READY)
            statuses = [self._ask(container, "GET", path)[0] for path in ("/health", "/readyz")] if ready else []
            yield Proof("with a token file: a stranger, a probe", str(statuses), statuses == [401, 200])
            yield self._command("HEALTHCHECK with a token file", container, self._image.healthcheck, 0)

    def _diagnostics(self) -> Iterator[Proof]:
        room = dataclasses.replace(self._with(FACEATTR_OPEN="1", FACEATTR_DEBUG=LOGS), sealed=False)
        with Container(room, self._image.command) as container:
            ready = container.wait_for(READY)
            code = container.stop() if ready else container.end()
        log = self._root / LOGS.lstrip("/") / "face_analyze.log"
        owner = log.stat().st_uid if log.is_file() else None
        yield Proof(f"diagnostics in {LOGS}", f"exit code {code}, written by user {owner}", owner == self._user[0])

    def _command(self, what: str, container: Container, command: list[str], expected: int) -> Proof:
        ran = container.execute(command)
        lines = (ran.stdout + ran.stderr).strip().splitlines()
        return Proof(what, f"exit code {ran.returncode}: {lines[-1] if lines else ''}", ran.returncode == expected)

    def _ask(self, container: Container, *words: str) -> tuple[int, str]:
        program = [sys.executable, "-I", str(Path(ask.__file__).resolve()), str(self._image.ports[0]), *words]
        ran = container.execute(program, outside=True)
        status, _, answer = ran.stdout.partition(" ")
        return int(status) if status.isdigit() else 0, answer

    def _copy_of_models(self, name: str, mode: int) -> Path:
        pack = self._folder / name
        shutil.copytree(self._checkout / "models", pack, copy_function=shutil.copyfile)
        for file in pack.rglob("*"):
            file.chmod(0o755 if file.is_dir() else 0o644)
        pack.chmod(mode)
        return pack


def table(proofs: list[Proof]) -> str:
    """Proofs as a table, in Markdown."""
    rows = [f"| {proof.what} | {proof.found} | {'ok' if proof.holds else 'WRONG'} |" for proof in proofs]
    return "\n".join(["| what | found | |", "|---|---|---|", *rows])
