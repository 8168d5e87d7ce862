"""A user's folder: what is read, and a sentence for everything that cannot be."""

import json

import numpy as np
import pytest
from PIL import Image

from sdjax.config.errors import UserError
from sdjax.prior_training.user_images import user_images

RED, BLUE = (255, 0, 0), (0, 0, 255)


def save(path, *columns, height=4, mode="RGB"):
    """Columns of pixels of one colour each."""
    row = np.uint8([columns])
    Image.fromarray(np.repeat(row, height, axis=0), mode).save(path)


def captions(bank):
    return [bank.caption(np.random.default_rng(0), i) for i in range(len(bank.values))]


@pytest.fixture
def folder(tmp_path):
    """Two pictures with their captions in a table."""
    save(tmp_path / "b.png", *[BLUE] * 4)
    save(tmp_path / "a.png", *[RED] * 4)
    rows = [{"file_name": "a.png", "text": "a red mug"}, {"file_name": "b.png", "text": "a blue"}]
    (tmp_path / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_pictures_and_captions_in_the_order_of_their_names(folder):
    bank = user_images(folder, 2, 0.0)
    assert bank.values.dtype == np.uint8 and bank.values.shape == (2, 2, 2, 3)
    assert (bank.values == np.uint8([RED, BLUE])[:, None, None]).all()
    assert captions(bank) == ["a red mug", "a blue"]


def test_captions_beside_the_pictures(folder):
    (folder / "metadata.jsonl").unlink()
    (folder / "a.txt").write_text(" a red\n mug \n")
    (folder / "b.txt").write_text("a blue one")
    assert captions(user_images(str(folder), 2, 0.0)) == ["a red mug", "a blue one"]


def test_the_table_goes_before_the_file_beside(folder):
    (folder / "a.txt").write_text("something else")
    assert captions(user_images(folder, 2, 0.0))[0] == "a red mug"


def test_other_files_are_left_alone(folder):
    (folder / "notes.md").write_text("x")
    (folder / "below").mkdir()
    (folder / "A.PNG").write_bytes((folder / "a.png").read_bytes())
    (folder / "A.txt").write_text("upper case")
    assert captions(user_images(folder, 2, 0.0)) == ["upper case", "a red mug", "a blue"]


def test_files_that_other_systems_leave_are_left_alone(folder):
    for name in (".DS_Store", "._a.png", ".hidden.jpg", "Thumbs.db", "desktop.ini", "._a.txt"):
        (folder / name).write_bytes(b"\0\5\26\7")
    (folder / "__MACOSX").mkdir()
    assert captions(user_images(folder, 2, 0.0)) == ["a red mug", "a blue"]


def test_a_folder_in_the_home(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    assert len(user_images(f"~/{folder.name}", 2, 0.0).values) == 2


def test_a_name_with_accents_of_another_system(tmp_path):
    save(tmp_path / "cafe\u0301.png", RED)
    row = {"file_name": "caf\u00e9.png", "text": "a red mug"}
    (tmp_path / "metadata.jsonl").write_text(json.dumps(row))
    assert captions(user_images(tmp_path, 2, 0.0)) == ["a red mug"]


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.webp", "a.png"])
def test_kinds_of_files(tmp_path, name):
    save(tmp_path / name, *[(40, 120, 200)] * 8, height=8)
    (tmp_path / "a.txt").write_text("a thing")
    values = user_images(tmp_path, 8, 0.0).values.astype(int)
    assert np.abs(values - [40, 120, 200]).max() <= 8


def test_the_middle_of_a_wide_picture(tmp_path):
    save(tmp_path / "a.png", RED, RED, BLUE, BLUE, RED, RED, height=2)
    (tmp_path / "a.txt").write_text("a thing")
    assert (user_images(tmp_path, 2, 0.0).values == BLUE).all()


def test_the_middle_of_a_high_picture(tmp_path):
    Image.fromarray(np.uint8([[RED], [BLUE], [RED]])).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("a thing")
    assert (user_images(tmp_path, 4, 0.0).values == BLUE).all()


def test_pixels_are_means_where_pictures_are_larger(tmp_path):
    save(tmp_path / "a.png", RED, BLUE, RED, BLUE)
    (tmp_path / "a.txt").write_text("a thing")
    difference = user_images(tmp_path, 2, 0.0).values.astype(int) - np.int32([127, 0, 127])
    assert np.abs(difference).max() <= 1


def test_transparent_pixels_are_white(tmp_path):
    save(tmp_path / "a.png", (255, 0, 0, 0), (0, 0, 255, 255), height=2, mode="RGBA")
    (tmp_path / "a.txt").write_text("a thing")
    values = user_images(tmp_path, 2, 0.0).values
    assert (values[0, :, 0] == 255).all() and (values[0, :, 1] == BLUE).all()


def test_grey_pictures_and_palettes(tmp_path):
    Image.new("L", (2, 2), 90).save(tmp_path / "a.png")
    Image.new("RGB", (2, 2), RED).convert("P").save(tmp_path / "b.png")
    (tmp_path / "a.txt").write_text("a thing")
    (tmp_path / "b.txt").write_text("a thing")
    values = user_images(tmp_path, 2, 0.0).values
    assert (values[0] == 90).all() and (np.abs(values[1].astype(int) - RED) < 3).all()


@pytest.mark.parametrize("empty", [0.0, 0.3, 1.0])
def test_captions_are_left_out_as_often_as_said(folder, empty):
    bank, generator = user_images(folder, 2, empty), np.random.default_rng(0)
    said = [bank.caption(generator, 0) for _ in range(1000)]
    assert set(said) <= {"", "a red mug"}
    assert said.count("") / 1000 == pytest.approx(empty, abs=0.06 if 0 < empty < 1 else 0)


def refused(folder, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        user_images(folder, 2, 0.0)
    said = str(caught.value)
    assert said.endswith(".") and "\n" not in said


def test_no_folder(tmp_path):
    refused(tmp_path / "nowhere", "There is no folder '.*nowhere', expected one with pictures")


def test_no_pictures(tmp_path):
    (tmp_path / ".a.png").write_bytes(b"hidden")
    refused(tmp_path, r"has no pictures, expected files \.png, \.jpg, \.jpeg, \.webp, \.tif, ")


@pytest.mark.parametrize("name", ["c.heic", "c.GIF", "c.avif"])
def test_a_kind_that_is_not_read_is_not_left_out_in_silence(folder, name):
    (folder / name).write_bytes(b"something")
    refused(folder, rf"{name}' is of a kind that is not read, expected \.png, \.jpg, ")


def test_no_caption(folder):
    save(folder / "c.png", RED)
    refused(folder, r"c\.png' has no caption, expected a line in metadata.jsonl or the file c\.txt")


def test_no_picture_in_a_file(folder):
    (folder / "a.png").write_bytes(b"nothing")
    refused(folder, r"a\.png' cannot be read as a picture")


def test_a_picture_that_is_cut_short(folder):
    random = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(random).save(folder / "a.png")
    (folder / "a.png").write_bytes((folder / "a.png").read_bytes()[:1000])
    refused(folder, r"a\.png' cannot be read as a picture")


@pytest.mark.parametrize(
    "line",
    [
        "nothing",
        '{"file_name": "a.png"}',
        '["a.png", "a mug"]',
        '{"file_name": "a.png", "text": null}',
        '{"file_name": "a.png", "text": 7}',
        '{"file_name": ["a.png"], "text": "a mug"}',
    ],
)
def test_a_line_that_is_no_caption(folder, line):
    good = (folder / "metadata.jsonl").read_text()
    (folder / "metadata.jsonl").write_text(f"{good}{line}\n")
    refused(folder, r"line 3 of .*metadata.jsonl is .*, expected \{\"file_name\"")


def test_blank_lines_are_no_lines(folder):
    (folder / "metadata.jsonl").write_text((folder / "metadata.jsonl").read_text() + "\n\n")
    assert captions(user_images(folder, 2, 0.0)) == ["a red mug", "a blue"]


def test_captions_are_read_as_unicode(folder):
    (folder / "metadata.jsonl").unlink()
    (folder / "a.txt").write_bytes("café".encode())
    (folder / "b.txt").write_bytes(b"\xff\xfe\xff")
    refused(folder, r"b\.txt")
