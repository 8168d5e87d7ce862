"""A tokenizer of our own words, read as every other."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdjax.objects.prompts import CATEGORIES, words
from sdjax.objects.variants import COLOURS
from sdjax.prior_training.captions import vocabulary
from sdjax.prior_training.tokenizer_files import END, START, write_tokenizer
from sdjax.text.tokenizer import load_tokenizer

WORDS = tuple(sorted(vocabulary({noun: words(noun) for noun in CATEGORIES}, tuple(COLOURS))))
LENGTH = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("tokenizer") / "below" / "tokenizer"
    write_tokenizer(made, WORDS, LENGTH)
    return made


@pytest.fixture(scope="module")
def tokenize(folder):
    return load_tokenizer(folder)


@pytest.fixture(scope="module")
def ids(folder):
    return json.loads((folder / "vocab.json").read_text())


def content(row, ids):
    """The tokens between the marks."""
    assert row[0] == ids[START]
    return row[1 : row.tolist().index(ids[END])].tolist()


def test_every_word_is_one_token_of_its_own(tokenize, ids):
    rows = tokenize(WORDS)
    tokens = [content(row, ids) for row in rows]
    assert tokens == [[ids[f"{word}</w>"]] for word in WORDS]
    assert len({token for (token,) in tokens}) == len(WORDS)


def test_a_caption_has_a_token_per_word(tokenize, ids):
    text = "A DSLR photo of a red striped mug with an orange roof, side view"
    tokens = content(tokenize([text])[0], ids)
    expected = text.lower().replace(",", " ,").split()
    assert tokens == [ids[f"{word}</w>"] for word in expected]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(text=st.text(st.characters(codec="utf-8"), max_size=5))
def test_every_text_has_tokens_and_ends_with_padding(tokenize, ids, text):
    (row,) = tokenize([text])
    assert row.shape == (LENGTH,) and row.dtype == np.int32
    assert row.min() >= 0 and row.max() < len(ids)
    end = row.tolist().index(ids[END])
    assert (row[end:] == ids[END]).all()
    assert ids[START] not in row[1:]
    if text.isascii() and text.isalnum():
        letters = {index: token for token, index in ids.items()}
        spelled = "".join(letters[i] for i in content(row, ids))
        assert spelled.replace("</w>", "") == text.lower()


def test_different_texts_have_different_tokens(tokenize):
    rows = tokenize(["zebra", "zebras", "ebra z", "Zürich", "鹿", ""])
    assert len({tuple(row) for row in rows.tolist()}) == 6


def test_ids_are_whole_and_the_marks_are_last(folder, ids):
    """As `text_table` says of the start and end tokens, and as an embedding table needs it."""
    assert sorted(ids.values()) == list(range(len(ids)))
    assert (ids[START], ids[END]) == (len(ids) - 2, len(ids) - 1)
    assert write_tokenizer(folder, WORDS, LENGTH) == len(ids)


@pytest.mark.slow
def test_the_same_words_make_the_same_files(folder, tmp_path):
    """A run that is resumed writes them again, and its networks know the old ids."""
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    for _ in range(6):
        write_tokenizer(tmp_path, WORDS, LENGTH)
        assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("length", [3, 8, 77])
def test_the_length_is_that_of_the_rows(tmp_path, length):
    write_tokenizer(tmp_path, ("red", "mug"), length)
    assert load_tokenizer(tmp_path)(["mug", "red"]).shape == (2, length)


def test_what_is_too_long_is_cut_with_a_warning(tmp_path):
    size = write_tokenizer(tmp_path, ("red", "mug"), 4)
    with pytest.warns(UserWarning, match="its end 'mug mug' is cut off"):
        (row,) = load_tokenizer(tmp_path)(["red red mug mug"])
    assert (row[0], row[-1]) == (size - 2, size - 1)


@pytest.mark.parametrize("some", [("a",), ("red", "redder", "reddish"), ("view", "review")])
def test_words_within_words(tmp_path, some):
    write_tokenizer(tmp_path, some, 6)
    rows = load_tokenizer(tmp_path)(some)
    assert ((rows == rows.max()).sum(1) == 4).all()
