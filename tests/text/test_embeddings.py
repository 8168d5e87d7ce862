"""The cache of embeddings: the encoder runs once, and nothing wrong is ever read."""

import numpy as np
import pytest

from sdjax.text.embeddings import default_cache, embed

PROMPTS = ["a bun", "a bun, side view", ""]


def embedding(prompt: str) -> np.ndarray:
    return np.random.default_rng(len(prompt)).normal(size=(3, 2)).astype(np.float32)


@pytest.fixture
def encode():
    """An encoder that notes what it is asked for."""

    def encode(prompts):
        encode.calls.append(list(prompts))
        return np.stack([embedding(prompt) for prompt in prompts])

    encode.calls = []
    return encode


def expected(prompts):
    return np.stack([embedding(prompt) for prompt in prompts])


def refuse(prompts):
    raise AssertionError(f"encoded {prompts}")


def test_the_second_time_nothing_is_encoded(encode, tmp_path):
    first = embed(PROMPTS, encode, "weights", tmp_path / "new" / "folder")
    second = embed(PROMPTS[::-1], refuse, "weights", tmp_path / "new" / "folder")
    np.testing.assert_array_equal(first, expected(PROMPTS))
    np.testing.assert_array_equal(second, expected(PROMPTS[::-1]))
    assert first.dtype == np.float32
    assert encode.calls == [PROMPTS]


def test_only_what_is_missing_is_encoded_once_and_in_one_batch(encode, tmp_path):
    embed(PROMPTS[:1], encode, "weights", tmp_path)
    again = [*PROMPTS, PROMPTS[1]]
    np.testing.assert_array_equal(embed(again, encode, "weights", tmp_path), expected(again))
    assert encode.calls == [PROMPTS[:1], PROMPTS[1:]]


def test_other_weights_have_embeddings_of_their_own(encode, tmp_path):
    for fingerprint in ("weights", "other weights", "weightsa"):
        embed(["a bun"], encode, fingerprint, tmp_path)
    embed([" bun"], encode, "weightsa", tmp_path)
    assert len(encode.calls) == len(list(tmp_path.iterdir())) == 4


def half(data):
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    "damage",
    [half, lambda data: b"", lambda data: b"no array" + data, lambda data: data[:-4] + b"\xff" * 4],
    ids=["cut", "empty", "no array", "not finite"],
)
def test_a_damaged_file_is_computed_again_and_mended(damage, encode, tmp_path):
    embed(PROMPTS, encode, "weights", tmp_path)
    file = sorted(tmp_path.iterdir())[0]
    file.write_bytes(damage(file.read_bytes()))
    np.testing.assert_array_equal(embed(PROMPTS, encode, "weights", tmp_path), expected(PROMPTS))
    assert len(encode.calls[1]) == 1
    embed(PROMPTS, refuse, "weights", tmp_path)


def test_a_file_of_another_precision_is_not_used(encode, tmp_path):
    embed(["a bun"], encode, "weights", tmp_path)
    (file,) = tmp_path.iterdir()
    np.save(file, embedding("a bun").astype(np.float64))
    assert embed(["a bun"], encode, "weights", tmp_path).dtype == np.float32
    assert len(encode.calls) == 2


def test_a_write_that_fails_leaves_no_file_behind(encode, tmp_path, monkeypatch):
    def full(stream, array):
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        result = embed(PROMPTS, encode, "weights", tmp_path)
    np.testing.assert_array_equal(result, expected(PROMPTS))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_costs_a_warning_only(encode, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match="cannot be kept"):
        embed(PROMPTS, encode, "weights", tmp_path / "file")


def test_the_default_folder(monkeypatch, tmp_path, encode):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "sdjax" / "prompts"
    embed(["a bun"], encode, "weights")
    assert len(list(default_cache().iterdir())) == 1
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache() == tmp_path / ".cache" / "sdjax" / "prompts"


def test_a_head_that_asks_for_more_than_there_is(encode, tmp_path):
    embed(["a bun"], encode, "weights", tmp_path)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    for shape in (b"(9999999999999, 2)", b"(3, 2"):
        file.write_bytes(content.replace(b"(3, 2)", shape)[: len(content)])
        np.testing.assert_array_equal(
            embed(["a bun"], encode, "weights", tmp_path)[0, :3], embedding("a bun")
        )
    assert len(encode.calls) == 3


def test_files_of_different_shapes_are_computed_again(encode, tmp_path):
    embed(PROMPTS, encode, "weights", tmp_path)
    np.save(sorted(tmp_path.iterdir())[0], np.zeros((4, 2), np.float32))
    np.testing.assert_array_equal(embed(PROMPTS, encode, "weights", tmp_path), expected(PROMPTS))
