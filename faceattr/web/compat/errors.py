"""Errors in the shape of another service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, g, jsonify

from faceattr.errors import Abandoned
from faceattr.web.problems import PROBLEMS, RETRY_AFTER_S, Problem, no_answer, problem_of


def answer_errors(routes: Blueprint, shape: Callable[[Problem], dict[str, Any]]) -> None:
    """Answers every exception of the routes with the document that `shape` makes of its problem."""

    @routes.errorhandler(Exception)
    def answer(error: Exception) -> Response:
        if isinstance(error, Abandoned):
            return no_answer(error)
        problem = problem_of(error)
        g.problem = problem.code
        response = jsonify(shape(problem))
        response.status_code = PROBLEMS[problem.code][0]
        if response.status_code in (429, 503):
            response.headers["Retry-After"] = str(RETRY_AFTER_S)
        return response
