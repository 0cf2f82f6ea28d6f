"""The page at /docs: everything of the document is on it, and nothing is loaded or run."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from faceattr.web.openapi.rendering import code_marked, shape, type_name
from faceattr.web.pages import TEMPLATES
from faceattr.web.problems import PROBLEMS
from tests.openapi_answers import described
from tests.test_pages import Tags


@pytest.fixture
def html(client: FlaskClient) -> str:
    return client.get("/docs").text


@pytest.fixture
def document(client: FlaskClient) -> Any:
    return client.get("/openapi.json").get_json()


def test_policy_allows_this_answers_style_and_nothing_else(client: FlaskClient) -> None:
    response = client.get("/docs")
    policy = dict(directive.split(" ", 1) for directive in response.headers["Content-Security-Policy"].split("; "))
    nonce = policy.pop("style-src")
    assert policy.pop("img-src") == "data:"
    assert set(policy) == {"default-src", "base-uri", "form-action", "frame-ancestors"}
    assert set(policy.values()) == {"'none'"}
    styles = [attributes for tag, attributes in Tags(response.text).found if tag == "style"]
    assert [f"'nonce-{attributes['nonce']}'" for attributes in styles] == [nonce]
    assert client.get("/docs").headers["Content-Security-Policy"] != response.headers["Content-Security-Policy"]


def test_nothing_is_run_or_fetched(html: str) -> None:
    assert set(re.findall(r"https?://[^\s'\"<>]+", html)) <= {"http://www.w3.org/2000/svg"}
    for tag, attributes in Tags(html).found:
        assert tag not in ("script", "iframe", "img", "form", "object")
        assert not [name for name in attributes if name == "style" or name.startswith("on")], (tag, attributes)


def test_every_operation_schema_and_code_is_on_the_page(html: str, document: Any) -> None:
    for method, path in described(document):
        assert f'<span class="method">{method}</span> <code>{path}</code>' in html
    for name, schema in document["components"]["schemas"].items():
        assert f'id="schema-{name}"' in html
        for member in schema.get("properties", {}):
            assert f"<code>{member}</code>" in html
    assert [code for code in PROBLEMS if f"<code>{code}</code>" not in html] == []


def test_every_link_leads_somewhere(html: str) -> None:
    tags = Tags(html).found
    ids = [attributes["id"] for _, attributes in tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for address in (str(attributes["href"]) for tag, attributes in tags if tag in ("a", "use")):
        assert address in ("./", "openapi.json") or address.removeprefix("#") in ids, address


def test_its_style_stays_small_and_is_sent(html: str) -> None:
    style = (TEMPLATES / "docs.css").read_text()
    assert len(style.splitlines()) < 200
    assert style in html


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 16384, "default": 12}, "integer, 1 to 16,384, default\u00a012"),
        ({"type": ["boolean", "null"], "default": False}, "boolean or null, default\u00a0false"),
        ({"enum": ["a", None, 90]}, "<code>a</code> or <code>null</code> or <code>90</code>"),
        ({"$ref": "#/components/schemas/Face"}, '<a href="#schema-Face">Face</a>'),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 3}, "array of integer, 0 to 3 items"),
        ({"type": "string", "default": "<b>"}, "string, default\u00a0&lt;b&gt;"),
    ],
)
def test_a_value_is_shown_by_what_it_may_be(schema: Any, shown: str) -> None:
    assert type_name(schema) == shown


def test_text_is_escaped_before_its_code_is_marked() -> None:
    assert code_marked("<b> `a<b`") == "&lt;b&gt; <code>a&lt;b</code>"


def test_members_of_members_are_listed_by_their_path() -> None:
    inner = {"type": "object", "required": ["b"], "properties": {"b": {"type": "string", "description": "B."}}}
    document = {"components": {"schemas": {"Inner": inner}}}
    members = shape(document, {"properties": {"a": {"allOf": [{"$ref": "#/components/schemas/Inner"}]}}})
    assert [(member.path, member.required) for member in members] == [("a", False), ("a.b", True)]
