"""Errors in the shape of another service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify
from werkzeug.exceptions import TooManyRequests

from faceattr.errors import Abandoned
from faceattr.web.problems import PROBLEMS, RETRY_AFTER_S, Problem, no_answer, problem_of
from faceattr.web.ratelimit import REFUSAL


def answer_errors(routes: Blueprint, shape: Callable[[Problem], dict[str, Any]]) -> None:
    """Answers every exception of the routes with the document that `shape` makes of its problem."""

    @routes.errorhandler(429)  # for which the app has a handler of its own, that would come first
    @routes.errorhandler(Exception)
    def answer(error: Exception) -> Response:
        if isinstance(error, Abandoned):
            return no_answer(error)
        if isinstance(error, TooManyRequests):
            problem, wait = current_app.extensions[REFUSAL]()
        else:
            problem, wait = problem_of(error), RETRY_AFTER_S
        g.problem = problem.code
        response = jsonify(shape(problem))
        response.status_code = PROBLEMS[problem.code][0]
        if response.status_code in (429, 503):
            response.headers["Retry-After"] = str(wait)
        return response
