"""Tokenizers, damaged at random, and prompts of any text."""

import itertools
import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdjax.text.embeddings import embed
from sdjax.text.framed import Framed
from sdjax.text.tokenizer import load_tokenizer
from tests import reference
from tests.fuzz.damage import BYTES, VALUES, damaged
from tests.fuzz.promise import FORMS, drawn, kept

FOLDERS = {
    "split": reference.FOLDER / "tiny" / "sd1_tiny" / "tokenizer",
    "one file": Path(__file__).parents[1] / "data" / "tokenizer_json",
}
WORDS = st.text(max_size=30) | st.sampled_from(["a ", "<|endoftext|>", "\u732b", "\u0130", "\0"])


@pytest.fixture
def fresh(tmp_path):
    """A copy of a folder at every call."""
    count = itertools.count()
    return lambda name: Path(shutil.copytree(FOLDERS[name], tmp_path / "a" / str(next(count))))


def used(folder):
    """The ids of two prompts, of as many tokens as there are."""
    tokenizer = load_tokenizer(folder)
    ids = tokenizer(["a cat on a mat", Framed("a cat " * 99, after=", side view")])
    assert ids.shape == (2, tokenizer.length)
    return ids


@FORMS
@pytest.mark.parametrize("name", FOLDERS)
def test_the_bytes_of_a_tokenizer(cases, name, fresh):
    @drawn(cases)
    @given(data=st.data(), damages=BYTES)
    def holds(data, damages):
        folder = fresh(name)
        file = data.draw(st.sampled_from(sorted(folder.iterdir())))
        file.write_bytes(damaged(file.read_bytes(), damages))
        kept(lambda: used(folder), inside=folder)

    holds()


@FORMS
@pytest.mark.parametrize("name", FOLDERS)
def test_the_values_of_a_tokenizer(cases, name, fresh):
    @drawn(cases)
    @given(data=st.data(), value=VALUES)
    def holds(data, value):
        folder = fresh(name)
        file = data.draw(st.sampled_from(sorted(folder.glob("*.json"))))
        fields = json.loads(file.read_text())
        file.write_text(json.dumps(fields | {data.draw(st.sampled_from(sorted(fields))): value}))
        kept(lambda: used(folder), inside=folder)

    holds()


@FORMS
def test_prompts(cases, fresh):
    tokenizer = load_tokenizer(FOLDERS["split"])

    @drawn(cases)
    @given(words=st.lists(WORDS, max_size=4), times=st.sampled_from([1, 30]), framed=st.booleans())
    def holds(words, times, framed):
        text = "".join(words) * times
        prompt = Framed(text, after=", side view") if framed else text
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            (fitting,) = tokenizer.fitting([prompt])
            ids = tokenizer.ids([fitting])
        assert ids.shape == (1, 77)
        if framed:
            assert fitting.endswith(", side view") and tokenizer.count(fitting) <= 75

    holds()


@FORMS
def test_cached_embeddings(cases, fresh):
    @drawn(cases)
    @given(data=st.data(), damages=BYTES)
    def holds(data, damages):
        cache = fresh("split") / "cache"
        encode = lambda prompts: np.ones((len(prompts), 3, 2), np.float32)  # noqa: E731
        embed(["a", "b"], encode, "weights", cache)
        file = data.draw(st.sampled_from(sorted(cache.iterdir())))
        file.write_bytes(damaged(file.read_bytes(), damages))
        found = kept(lambda: embed(["a", "b"], encode, "weights", cache), inside=cache)
        assert found.shape == (2, 3, 2)

    holds()
