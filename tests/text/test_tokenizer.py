"""The tokenizer against recorded ids, what it says about long prompts, and what it keeps quiet."""

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.text.framed import Framed
from sdjax.text.tokenizer import load_tokenizer, tokenizer_of
from tests import reference

MODELS = ("sd1_tiny", "sd2_tiny")


def folder(name):
    return reference.FOLDER / "tiny" / name / "tokenizer"


def ids_of(name, *tokens) -> list[int]:
    """The recorded ids of tokens, as "pad_token", or of words."""
    vocabulary = json.loads((folder(name) / "vocab.json").read_text())
    settings = json.loads((folder(name) / "tokenizer_config.json").read_text())
    added = {v["content"]: int(k) for k, v in settings["added_tokens_decoder"].items()}
    known = vocabulary | added
    return [known[settings.get(token, f"{token}</w>")] for token in tokens]


@pytest.fixture
def copied(tmp_path):
    """A tokenizer's folder that may be damaged."""
    return shutil.copytree(folder("sd2_tiny"), tmp_path / "tokenizer")


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore:the prompt has 100 tokens")
def test_recorded_ids(name):
    recorded = reference.load(f"tiny_{name}")["tokenizer"]
    ids = load_tokenizer(folder(name))([str(prompt) for prompt in recorded["prompts"]])
    np.testing.assert_array_equal(ids, recorded["input_ids"])
    assert ids.dtype == np.int32


@pytest.fixture
def loaded():
    """A tokenizer of transformers."""
    from transformers import CLIPTokenizerFast

    return CLIPTokenizerFast.from_pretrained(folder("sd2_tiny"))


@pytest.mark.filterwarnings("ignore:the prompt has 100 tokens")
def test_recorded_ids_of_a_folder_as_transformers_5_writes_it(loaded, tmp_path):
    loaded.save_pretrained(tmp_path)
    for name in ("vocab.json", "merges.txt"):  # which older ones write beside it
        (tmp_path / name).unlink(missing_ok=True)
    assert (tmp_path / "tokenizer.json").is_file()
    recorded = reference.load("tiny_sd2_tiny")["tokenizer"]
    ids = load_tokenizer(tmp_path)([str(prompt) for prompt in recorded["prompts"]])
    np.testing.assert_array_equal(ids, recorded["input_ids"])


def test_a_recorded_folder_of_transformers_5_has_the_ids_of_the_former_two_files():
    recorded = reference.load("tiny_sd1_tiny")["tokenizer"]
    prompts = [str(prompt) for prompt in recorded["prompts"]]
    saved = Path(__file__).parents[1] / "data" / "tokenizer_json"
    assert {file.name for file in saved.iterdir()} == {"tokenizer.json", "tokenizer_config.json"}
    tokenizer = load_tokenizer(saved)
    np.testing.assert_array_equal(tokenizer.ids(prompts), recorded["input_ids"])


class Slow:
    """A tokenizer written in Python, which does not know where in the prompt its tokens are."""

    is_fast = False

    def __init__(self, fast):
        self.fast = fast

    def __getattr__(self, name):
        return getattr(self.fast, name)

    def __call__(self, prompt, return_offsets_mapping=False):
        if return_offsets_mapping:
            raise NotImplementedError
        return self.fast(prompt)


def test_recorded_ids_of_a_slow_tokenizer(loaded):
    recorded = reference.load("tiny_sd2_tiny")["tokenizer"]
    prompts = [str(prompt) for prompt in recorded["prompts"]]
    with pytest.warns(UserWarning, match="has 100 tokens and the model reads 75") as caught:
        ids = tokenizer_of(Slow(loaded))(prompts)
    np.testing.assert_array_equal(ids, recorded["input_ids"])
    with pytest.warns(UserWarning) as expected:
        tokenizer_of(loaded)(prompts)
    assert str(caught[0].message) == str(expected[0].message)


def test_stable_diffusion_2_pads_with_its_own_token():
    for name in MODELS:
        padding = load_tokenizer(folder(name))([""])[0, 2:]
        end, pad = ids_of(name, "eos_token", "pad_token")
        assert (padding == pad).all()
        assert (end == pad) == (name == "sd1_tiny")


def test_the_token_map_of_an_old_folder_names_the_pad_token(copied):
    """As stabilityai published Stable Diffusion 2: without a list of added tokens."""
    settings = json.loads((copied / "tokenizer_config.json").read_text())
    del settings["added_tokens_decoder"]
    settings["pad_token"] = "<|endoftext|>"
    (copied / "tokenizer_config.json").write_text(json.dumps(settings))
    recorded = reference.load("tiny_sd2_tiny")["tokenizer"]
    ids = load_tokenizer(copied)([str(prompt) for prompt in recorded["prompts"][:4]])
    np.testing.assert_array_equal(ids, recorded["input_ids"][:4])


@pytest.mark.parametrize(
    ("prompt", "lost"),
    [
        ("a " * 75 + "hamburger,  side view", "'hamburger,  side view'"),
        ("a " * 74 + "hamburger,  side view", "',  side view'"),
        ("a " * 74 + "Corgi, side view", "'Corgi, side view'"),  # a word of several tokens
        ("a " * 75 + "☃", "'☃'"),
        ("x" * 200, "'" + "x" * 80 + "...'"),
    ],
)
def test_a_long_prompt_names_the_words_that_are_lost(prompt, lost):
    tokenize = load_tokenizer(folder("sd1_tiny"))
    with pytest.warns(UserWarning, match="the model reads 75") as caught:
        ids = tokenize([prompt])
    assert f"its end {lost} is cut off" in str(caught[0].message)
    assert ids.shape == (1, 77)
    assert ids[0, [0, -1]].tolist() == ids_of("sd1_tiny", "bos_token", "eos_token")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("frame", [{"after": ", side view"}, {"before": "backside view of "}])
def test_the_words_for_the_view_are_never_cut(name, frame):
    tokenizer = load_tokenizer(folder(name))
    prompt = Framed("a wooden tower, " * 40, **frame)
    with pytest.warns(UserWarning, match="with its words for the view has .* end '.*' is cut off"):
        (text,) = tokenizer.fitting([prompt])
    assert text.startswith(prompt.before + "a wooden") and text.endswith(prompt.after)
    assert tokenizer.count(text) <= 75 < tokenizer.count(text.replace("tower", "tower tower", 6))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tokenizer.fitting([text]) == [text]


def test_one_warning_for_all_directions_of_a_prompt_at_every_call():
    tokenizer, long = load_tokenizer(folder("sd1_tiny")), "a " * 80
    prompts = [*(Framed(long, after=f", {name} view") for name in ("side", "front")), long, ""]
    for _ in range(2):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            tokenizer.fitting(prompts)
        assert len(caught) == 1


def test_a_prompt_that_just_fits_is_no_cause_for_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ids = load_tokenizer(folder("sd2_tiny"))(["a " * 75])
    assert (ids[0, 1:-1] == ids_of("sd2_tiny", "a")).all()


@pytest.mark.parametrize("name", ["vocab.json", "merges.txt", "tokenizer_config.json"])
def test_a_missing_file_is_named(copied, name):
    (copied / name).unlink()
    with pytest.raises(ValueError, match=f"holds no {name}, expected"):
        load_tokenizer(copied)


def test_a_tokenizer_in_one_file_needs_its_settings(copied):
    (copied / "tokenizer.json").write_text("{}")
    (copied / "tokenizer_config.json").unlink()
    with pytest.raises(ValueError, match=r"holds no tokenizer_config\.json, expected"):
        load_tokenizer(copied)


@pytest.mark.parametrize(
    "name", ["vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"]
)
def test_a_damaged_file_is_an_error_about_the_folder(copied, name):
    (copied / name).write_text('{"a": ')
    with pytest.raises(UserError, match=r"cannot be read|is damaged"):
        load_tokenizer(copied)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere' holds no tokenizer_config\.json"):
        load_tokenizer(tmp_path / "nowhere")


SILENT = """
import socket, sys

def refuse(*args, **kwargs):
    raise AssertionError("the network was asked for")

socket.socket.connect = socket.getaddrinfo = refuse
from sdjax.text.tokenizer import load_tokenizer

early = {"transformers", "tokenizers", "torch"} & set(sys.modules)
load_tokenizer(sys.argv[1])(["a bun " * 60])
print(sorted(early), "torch" in sys.modules)
"""


@pytest.mark.slow
def test_no_network_no_torch_no_noise_and_nothing_imported_early():
    """Only our own warning is heard."""
    command = [sys.executable, "-W", "ignore::UserWarning", "-c", SILENT, str(folder("sd1_tiny"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[] False\n", "")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("tokenizer_config.json", "[]", r"tokenizer_config\.json' holds \[\], expected"),
        ("tokenizer_config.json", '{"model_max_length": 1}', "model_max_length is 1, 3 are needed"),
        ("tokenizer_config.json", '{"model_max_length": "long"}', "cannot be read"),
        ("vocab.json", "{}", "cannot be read"),
        ("vocab.json", '{"a": null}', "cannot be read"),
    ],
)
def test_files_that_make_no_tokenizer_of_clip(copied, name, content, words):
    (copied / name).write_text(content)
    with pytest.raises(UserError, match=words):
        load_tokenizer(copied)


def test_a_link_to_nothing_is_named(copied):
    (copied / "merges.txt").unlink()
    (copied / "merges.txt").symlink_to("../../blobs/gone")
    with pytest.raises(UserError, match=r"merges.txt' is a link to '../../blobs/gone', which is"):
        load_tokenizer(copied)


def test_a_prompt_in_another_encoding(copied):
    """As Python hands on what it cannot decode."""
    with pytest.raises(UserError, match=r"the prompt 'caf.udce9' is no text, expected UTF-8"):
        load_tokenizer(copied)(["caf\udce9"])
