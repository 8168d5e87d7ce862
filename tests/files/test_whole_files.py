"""Files are there whole or not at all, and JSON knows no NaN."""

import errno
import json
import math

import pytest

from sdjax.config.errors import UserError
from sdjax.files.whole_files import finite, whole_file, write_json, write_whole


def test_a_file_is_the_old_one_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "new folder" / "file.txt"
    write_whole(path, "old")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as part:
        part.write_text("ne")
        assert path.read_text() == "old"
        raise KeyboardInterrupt
    assert [file.name for file in path.parent.iterdir()] == ["file.txt"]
    assert path.read_text() == "old"
    with whole_file(path) as part:
        assert part.suffix == ".txt"
        part.write_text("new")
    assert path.read_text() == "new"


def test_what_cannot_be_written_is_named(tmp_path):
    path = tmp_path / "file.txt"
    with pytest.raises(OSError, match="No space left") as error, whole_file(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert error.value.filename == str(path)
    sentence = pytest.raises(UserError, match=r"file\.txt cannot be written \(encoder error -2\)")
    with sentence, whole_file(path):
        raise OSError("encoder error -2")


def test_a_name_that_is_no_unicode_is_written_all_the_same(tmp_path):
    write_whole(tmp_path / "file.md", "of \udcff")
    assert (tmp_path / "file.md").read_text() == "of \\udcff"


def test_numbers_that_are_not_finite_are_null(tmp_path):
    content = {"a": [1.0, math.nan, (math.inf, -math.inf)], "b": "NaN", "c": None, "d": 2}
    expected = {"a": [1.0, None, [None, None]], "b": "NaN", "c": None, "d": 2}
    assert finite(content) == expected
    write_json(tmp_path / "file.json", content)
    assert json.loads((tmp_path / "file.json").read_text()) == expected
