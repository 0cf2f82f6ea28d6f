"""Answers in the shapes of other services, for their clients; each is off unless `--compat` names it."""

from __future__ import annotations

from flask import Blueprint

from faceattr.errors import SettingsError
from faceattr.settings import Settings
from faceattr.web.compat.compreface import compreface_blueprint
from faceattr.web.compat.deepface import deepface_blueprint
from faceattr.web.current import Current

SERVICES = {"compreface": compreface_blueprint, "deepface": deepface_blueprint}


def compat_blueprints(current: Current, settings: Settings) -> list[Blueprint]:
    """The routes of the services that the settings name. Raises SettingsError for an unknown one."""
    return [SERVICES[name](current, settings) for name in names_in(settings.compat)]


def names_in(listed: str) -> list[str]:
    """The names of SERVICES in a list with commas, each once. Raises SettingsError for an unknown one."""
    names = list(dict.fromkeys(name.strip() for name in listed.split(",") if name.strip()))
    for name in names:
        if name not in SERVICES:
            raise SettingsError(f"There is no --compat '{name}'. Known names: {', '.join(SERVICES)}.")
    return names
