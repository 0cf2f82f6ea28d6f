"""`python -m faceattr doctor`: what is there, what is wrong, and what to do about it."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from faceattr.doctor.finding import Finding, State
from faceattr.doctor.machine import look_at_machine
from faceattr.doctor.software import look_at_libraries, look_at_python
from faceattr.errors import SettingsError
from faceattr.settings import Settings, misspelt
from faceattr.version import __version__

EXIT_WRONG = 78
"""As sysexits.h names it: EX_CONFIG."""
_MARKS: dict[State, str] = {"ok": "ok", "note": "note", "wrong": "WRONG"}


def doctor(flags: dict[str, Any], *, as_json: bool) -> int:
    """Looks at everything and prints what was found; the exit code: 0, 78 the service would not start or answer."""
    # What loading logs as a warning is not for the terminal: the findings say it.
    logging.getLogger("faceattr").addHandler(logging.NullHandler())
    return report(examine(flags), as_json=as_json)


def examine(flags: dict[str, Any]) -> list[Finding]:
    """All that decides whether the service would run here with these flags of `serve`."""
    findings = [look_at_python(), *look_at_libraries(), *look_at_machine()]
    try:
        settings = Settings.load(**flags)
    except SettingsError as error:
        return [*findings, Finding("settings", "wrong", str(error))]
    changed = [field.name for field in dataclasses.fields(Settings) if getattr(settings, field.name) != field.default]
    findings.append(Finding("settings", "ok", f"not as by default: {', '.join(changed) or 'none'}"))
    findings += look_at_variables(os.environ)
    try:
        # Not before: what is missing here is what the doctor is asked about.
        from faceattr.doctor import service

        return [*findings, *service.look_at_all(settings)]
    except ImportError as error:
        if not any(finding.state == "wrong" for finding in findings):
            findings.append(Finding("libraries", "wrong", f"one that is installed cannot be used: {error}"))
        return findings


def look_at_variables(names: Iterable[str]) -> Iterator[Finding]:
    """Names of environment variables that are nearly those of settings: nobody reads them."""
    for name, meant in misspelt(names):
        yield Finding("settings", "note", f"{name} is not read; {meant} may be meant")


def report(findings: Iterable[Finding], *, as_json: bool) -> int:
    """Prints findings for people or as one JSON object; the exit code: 0, 78 something is wrong."""
    found = list(findings)
    wrong = sum(finding.state == "wrong" for finding in found)
    if as_json:
        document = {"ok": not wrong, "version": __version__, "findings": [dataclasses.asdict(each) for each in found]}
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
        return EXIT_WRONG if wrong else 0
    width = max(len(finding.name) for finding in found)
    for finding in found:
        sys.stdout.write(f"{_MARKS[finding.state]:5}  {finding.name:<{width}}  {finding.found}\n")
    verdict = f"{wrong} thing{'s are' if wrong > 1 else ' is'} wrong." if wrong else "Nothing is wrong."
    sys.stdout.write(f"\n{verdict}\n")
    return EXIT_WRONG if wrong else 0
