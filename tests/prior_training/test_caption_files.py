"""Captions in the encodings that people's editors write."""

import json
import os
import unicodedata

import pytest

from sdjax.config.errors import UserError
from sdjax.prior_training.caption_files import caption_beside, captions_of_table

TEXT = "a café of 猫"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le-bom", "utf-16-be-bom"]
)
def test_every_unicode_encoding_with_its_mark(tmp_path, encoding):
    stored = {
        "utf-16-le-bom": b"\xff\xfe" + TEXT.encode("utf-16-le"),
        "utf-16-be-bom": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    }.get(encoding) or TEXT.encode(encoding)
    (tmp_path / "a.txt").write_bytes(stored)
    assert caption_beside(tmp_path / "a.png") == TEXT
    row = json.dumps({"file_name": "a.png", "text": TEXT}, ensure_ascii=False)
    (tmp_path / "metadata.jsonl").write_bytes(stored.replace(TEXT.encode(), row.encode()))
    if encoding.startswith("utf-8"):
        assert captions_of_table(tmp_path) == {"a.png": TEXT}


@pytest.mark.parametrize(
    "stored",
    ["a café".encode("latin-1"), "ein Mädchen".encode("cp1252"), "猫".encode("shift-jis")],
)
def test_other_encodings_are_refused_by_name(tmp_path, stored):
    (tmp_path / "a.txt").write_bytes(stored)
    with pytest.raises(UserError, match=r"a\.txt' cannot be read as text \(.*\), expected UTF-8\."):
        caption_beside(tmp_path / "a.png")


def test_utf_16_without_its_mark_is_refused(tmp_path):
    (tmp_path / "a.txt").write_bytes("a mug".encode("utf-16-le"))
    with pytest.raises(UserError, match=r"a\.txt' has null characters, expected captions in UTF-8"):
        caption_beside(tmp_path / "a.png")


def test_names_with_accents_as_other_systems_write_them(tmp_path):
    for form in ("NFC", "NFD"):
        row = {"file_name": unicodedata.normalize(form, "café.png"), "text": "a mug"}
        (tmp_path / "metadata.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n")
        assert captions_of_table(tmp_path) == {"caf\u00e9.png": "a mug"}


def test_separators_inside_a_line_are_none(tmp_path):
    row = {"file_name": "a.png", "text": "a\u2028mug\x85"}
    (tmp_path / "metadata.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\r\n")
    assert captions_of_table(tmp_path) == {"a.png": "a\u2028mug\x85"}


@pytest.mark.parametrize(
    "line", ["[" * 10**5, "9" * 5000, '{"file_name": "a.png", "text": "\\ud800"}', '{"a": NaN}']
)
def test_lines_that_are_absurd(tmp_path, line):
    (tmp_path / "metadata.jsonl").write_text(line)
    with pytest.raises(UserError, match=r"line 1 of .*metadata\.jsonl is "):
        captions_of_table(tmp_path)


def test_what_is_no_plain_file(tmp_path):
    os.mkfifo(tmp_path / "metadata.jsonl")
    with pytest.raises(UserError, match=r"metadata\.jsonl' is no plain file"):
        captions_of_table(tmp_path)
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(UserError, match=r"a\.txt' is a folder"):
        caption_beside(tmp_path / "a.png")
    (tmp_path / "b.txt").symlink_to("gone")
    with pytest.raises(UserError, match=r"b\.txt' is a link to 'gone', which is not there"):
        caption_beside(tmp_path / "b.png")
