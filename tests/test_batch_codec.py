from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceattr.batch import codec
from faceattr.batch.write import _face_cells
from faceattr.types import Age, Box, Detection, Face, Gender, Quality

UNIT = st.floats(0, 1)
SIDE = st.floats(-10, 40_000, width=32)
FACES = st.builds(
    Face,
    st.builds(Detection, st.builds(Box, SIDE, SIDE, SIDE, SIDE), UNIT),
    st.builds(Gender, st.text(max_size=5), UNIT, st.dictionaries(st.text(max_size=5), UNIT, max_size=2)),
    st.builds(
        Age,
        st.floats(0, 100),
        st.integers(0, 100),
        st.integers(0, 100),
        st.text(max_size=5),
        UNIT,
        st.none() | st.tuples(st.integers(0, 100), st.integers(0, 100)),
    ),
    st.builds(Quality, st.integers(0, 10_000), UNIT, UNIT, st.booleans()),
    st.booleans(),
)


@given(st.lists(FACES, max_size=3).map(tuple))
def test_tables_have_the_same_cells_from_the_state_as_from_the_analysis(faces: tuple[Face, ...]) -> None:
    kept = codec.decode(codec.encode(faces))
    assert [_face_cells(face) for face in kept] == [_face_cells(face) for face in faces]


@given(st.lists(FACES, max_size=3).map(tuple))
def test_what_was_kept_once_is_kept_as_it_is(faces: tuple[Face, ...]) -> None:
    once = codec.decode(codec.encode(faces))
    assert codec.decode(codec.encode(once)) == once
    assert codec.encode(once) == codec.encode(faces)


def test_no_faces_take_no_room() -> None:
    assert codec.encode(()) is None
    assert codec.decode(None) == ()


@pytest.mark.parametrize("text", ["", "{", "3", "[3]", "[[]]", "[[1, 2, 3, 4, 5, 6, 7, 8]]", '[["a"]]'])
def test_text_that_is_no_list_of_faces_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        codec.decode(text)
