"""A user's pictures with cameras: what is read, and a sentence for everything that cannot be."""

import json

import numpy as np
import pytest
from PIL import Image

from sdjax.config.errors import UserError
from sdjax.prior_training.views_of_objects import views_in

ROWS = (
    {"file_name": "b.png", "object": "mug", "azimuth": 400, "elevation": -5.5},
    {"file_name": "a.png", "object": "car", "azimuth": -30, "elevation": 10, "text": "a car"},
    {"file_name": "c.png", "object": "mug", "azimuth": 0, "elevation": 90, "distance": 2},
    {"file_name": "d.png", "object": "car", "azimuth": 1, "elevation": 2, "fovy": 25},
)


def write(folder, rows=ROWS):
    for index, name in enumerate("abcd"):
        Image.new("RGB", (6, 4), (50 * index, 0, 0)).save(folder / f"{name}.png")
    table = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "metadata.jsonl").write_text(table)
    return folder


def test_pictures_cameras_objects_and_texts_in_the_order_of_the_names(tmp_path):
    views = views_in(write(tmp_path), 2)
    assert views.pictures.shape == (4, 2, 2, 3) and views.pictures.dtype == np.uint8
    assert views.pictures[:, 0, 0, 0].tolist() == [0, 50, 100, 150]
    assert views.cameras.azimuth.tolist() == [-30, 400, 0, 1]
    assert views.cameras.elevation.tolist() == [10, -5.5, 90, 2]
    np.testing.assert_allclose(views.cameras.distance, [3.2, 3.2, 2, 3.2], rtol=1e-6)
    assert views.cameras.fovy.tolist() == [40, 40, 40, 25]
    assert views.objects.tolist() == [0, 1, 1, 0]  # car, mug
    assert views.texts == ["a car", "", "", ""] and views.names == ["car", "mug"]


def test_the_usual_camera_is_the_callers(tmp_path):
    cameras = views_in(write(tmp_path), 2, distance=5.0, fovy=30.0).cameras
    assert cameras.distance.tolist() == [5, 5, 2, 5] and cameras.fovy.tolist() == [30, 30, 30, 25]


def test_numbers_name_objects_too(tmp_path):
    rows = [{**row, "object": row["object"] == "mug"} for row in ROWS]
    with pytest.raises(UserError, match=r"line 1 of .* has object 'True', expected a text"):
        views_in(write(tmp_path, rows), 2)
    rows = [{**row, "object": int(row["object"] == "mug")} for row in ROWS]
    assert views_in(write(tmp_path, rows), 2).objects.tolist() == [0, 1, 1, 0]


def changed(index, **fields):
    """The rows with one that is different; a field of None is left out."""
    rows = list(ROWS)
    rows[index] = {k: v for k, v in {**rows[index], **fields}.items() if v is not None}
    return rows


BAD = [
    (changed(0, azimuth=None), "line 1 of .* has no azimuth, expected a number"),
    (changed(1, elevation=91), "line 2 of .* has elevation '91', expected a number from -90 to 90"),
    (changed(2, distance=0.5), "distance '0.5', expected a number of at least 1"),
    (changed(2, fovy="40"), "fovy '40', expected a number from 0.1 to 179"),
    (changed(2, azimuth=float("nan")), "azimuth 'nan', expected a number"),
    (changed(2, azimuth=True), "azimuth 'True', expected a number"),
    (changed(0, object=None), "line 1 of .* has no object, expected a text"),
    (changed(0, file_name="a.png"), "line 2 of .* is a second one about 'a.png'"),
    (changed(0, file_name="bb.png"), "b.png' has no line in metadata.jsonl, .*did you mean 'bb.p"),
    (changed(1, text=7), "line 2 of .* has text '7', expected a text"),
    (changed(0, object="car"), "The object 'mug' in .* has 1 view, expected at least 2"),
    ([*ROWS, {**ROWS[0], "file_name": "e.png"}], "names 'e.png', which is no picture in the fold"),
    ([*ROWS, ["a.png"]], r"line 5 of .* is '\[\"a.png\"\]', expected \{\"file_name\""),
    ([], "a.png' has no line in metadata.jsonl, expected one with its camera"),
]


@pytest.mark.parametrize(("rows", "sentence"), BAD)
def test_what_does_not_fit_is_one_sentence(tmp_path, rows, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        views_in(write(tmp_path, rows), 2)
    assert "\n" not in str(caught.value)


def test_as_many_views_as_the_caller_wants(tmp_path):
    with pytest.raises(UserError, match=r"The object 'car' in .* has 2 views, expected at least 4"):
        views_in(write(tmp_path), 2, at_least=4)


def test_texts_where_the_caller_wants_them(tmp_path):
    with pytest.raises(UserError, match=r"line 1 of .* has no text, expected a text"):
        views_in(write(tmp_path), 2, with_text=True)
