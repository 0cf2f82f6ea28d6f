from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceattr.caffe.prototxt import parse
from faceattr.errors import CaffeError


def test_reads_messages_scalars_and_repeated_fields() -> None:
    net = parse(
        """
        name: "net"  # a comment with { braces }
        input_dim: 1 input_dim: 3, input_dim: 300; input_dim: 400
        layer { name: 'a' top: "x" top: "y" }
        layer: < name: "b" convolution_param { kernel_size: 3 } >
        """
    )
    assert net.value("name") == "net"
    assert net.values("input_dim") == ("1", "3", "300", "400")
    first, second = net.messages("layer")
    assert first.values("top") == ("x", "y")
    assert second.message("convolution_param").value("kernel_size") == "3"


def test_short_list_syntax_is_the_same_as_repeated_fields() -> None:
    assert parse("dim: [1, 3, 96, 96]").values("dim") == parse("dim: 1 dim: 3 dim: 96 dim: 96").values("dim")


def test_the_last_of_several_values_counts() -> None:
    assert parse("pad: 1 pad: 2").value("pad") == "2"
    assert parse("").value("pad", "0") == "0"


def test_fields_know_where_their_value_stands() -> None:
    text = 'layer { step: 100 name: "x" }'
    step, name = parse(text).messages("layer")[0].fields
    assert text[step.start : step.end] == "100"
    assert text[name.start : name.end] == '"x"'


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("layer {", "line 1: the file ends before a closing '}'"),
        ("layer { }\n}", "line 2: expected a field name, found '}'"),
        ("name:", "the file ends after 'name'"),
        ("a: 1\nb: }", "line 2: expected a value for 'b', found '}'"),
        ("dim: [1, 2", "the file ends inside a list"),
        ('name: "unclosed', "line 1: unexpected '\"'"),
        ("<html><body>", "line 1: expected a field name, found '<'"),
        ("a {" * 100, "more than 32 messages inside each other"),
    ],
)
def test_what_is_not_text_format_is_reported_with_its_line(text: str, cause: str) -> None:
    with pytest.raises(CaffeError) as raised:
        parse(text)
    assert cause in str(raised.value)


@given(st.text(alphabet="ab{}<>[]:;,#\"'\\ \n.-0123456789", max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except CaffeError as error:
        assert str(error).startswith("line ")
