"""How many requests each client may send: Flask-Limiter, counting in memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from flask import Flask, Response

from faceattr.errors import SettingsError
from faceattr.web.problems import Problem, problem_response

REFUSAL = "rate limit's refusal"
"""Among the app's extensions: gives the problem of a request that was one too many, and the seconds to wait."""


def limit_rate(app: Flask, limit: str, client: Callable[[], str], is_exempt: Callable[[], bool]) -> None:
    """Lets each `client()` send so many requests, like `60/minute`, and answers the others `rate_limited`.

    Counted when this is among the functions that run before a request, in the order of their registration. Raises
    SettingsError when the limit cannot be read, or Flask-Limiter is not installed.
    """
    try:
        from flask_limiter import Limiter, RateLimitExceeded
        from limits import parse_many
    except ImportError:
        raise SettingsError("--rate-limit needs Flask-Limiter: pip install Flask-Limiter.") from None
    try:
        limits = parse_many(limit)
    except ValueError:
        raise SettingsError(f"Setting 'rate_limit' must be like 60/minute or 1000/day, not {limit!r}.") from None
    if any(each.amount < 1 or each.multiples < 1 for each in limits):
        raise SettingsError(f"Setting 'rate_limit' must let at least one request through, not {limit!r}.")
    limiter = Limiter(client, app=app, application_limits=[limit], storage_uri="memory://", key_prefix="faceattr")
    limiter.request_filter(is_exempt)

    def refusal() -> tuple[Problem, int]:
        breached = limiter.current_limit
        wait = max(1, math.ceil(breached.reset_at - time.time())) if breached else 1
        return Problem("rate_limited", f"At most {limit} is allowed; try again in {wait} s."), wait

    app.extensions[REFUSAL] = refusal

    @app.errorhandler(RateLimitExceeded)
    def exceeded(_: RateLimitExceeded) -> Response:
        problem, wait = refusal()
        response = problem_response(problem.code, problem.detail)
        response.headers["Retry-After"] = str(wait)
        return response
