"""Files that are missing, links to nothing, folders, pipes, or no JSON."""

import os

import pytest

from sdjax.config.errors import UserError
from sdjax.files import plain_files
from sdjax.files.plain_files import is_there, names_in, plain_file, read_json

EXPECTED = "the settings of a test"


def refused(path) -> str:
    with pytest.raises(UserError) as caught:
        read_json(path, EXPECTED)
    assert str(path) in str(caught.value)
    assert EXPECTED in str(caught.value) or path.is_symlink()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_fields_are_read(tmp_path):
    file = tmp_path / "config.json"
    for start in ("", "\ufeff"):  # which Windows puts before UTF-8
        file.write_text(start + '{"a": "\u00e9"}', encoding="utf-8")
        assert read_json(file, EXPECTED) == {"a": "\u00e9"}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe{}", b'{"a": "\xe9"}', b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"],
    ids=["empty", "cut", "UTF-16", "Latin-1", "deep", "digits"],
)
def test_what_is_no_json_is_damaged(content, tmp_path):
    (tmp_path / "config.json").write_bytes(content)
    assert "is damaged" in refused(tmp_path / "config.json")


@pytest.mark.parametrize("content", ["[]", "null", "1", '"text"', "NaN"])
def test_json_that_is_no_table(content, tmp_path):
    (tmp_path / "config.json").write_text(content)
    assert f"holds {content}, expected" in refused(tmp_path / "config.json")


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(plain_files, "MOST_BYTES", 10)
    (tmp_path / "config.json").write_text('{"a": "0123456789"}')
    assert "is damaged (19 bytes)" in refused(tmp_path / "config.json")


def test_a_file_that_may_not_be_read_is_not_damaged(tmp_path, monkeypatch):
    def refuse(self, **options):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr("pathlib.Path.read_text", refuse)
    with pytest.raises(UserError, match=r"config\.json' cannot be read \(Permission denied\)\."):
        read_json(tmp_path / "config.json", EXPECTED)


def test_what_is_no_file(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("../blobs/gone")
    os.mkfifo(tmp_path / "pipe")
    assert "is missing" in refused(tmp_path / "absent")
    assert "is a folder" in refused(tmp_path / "folder")
    assert "is no plain file" in refused(tmp_path / "pipe")
    assert "is a link to '../blobs/gone', which is not there" in refused(tmp_path / "link")


def test_links_to_files_are_followed(tmp_path):
    (tmp_path / "blob").write_text("{}")
    (tmp_path / "config.json").symlink_to("blob")
    assert read_json(tmp_path / "config.json", EXPECTED) == {}
    assert plain_file(tmp_path / "config.json", EXPECTED) == tmp_path / "config.json"


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b"])
def test_names_that_the_system_refuses_are_not_there(name, tmp_path):
    assert not is_there(tmp_path / name)


def test_hidden_files_are_passed_over(tmp_path):
    for name in ("._config.json", ".DS_Store", "config.json"):
        (tmp_path / name).write_text("{}")
    assert names_in(tmp_path) == ["config.json"]
