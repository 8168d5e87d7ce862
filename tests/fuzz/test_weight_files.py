"""Weights, their heads, indexes and configurations, and LoRA files, damaged at random."""

import itertools
import json

import flax.serialization
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save, save_file

from sdjax.files.plain_files import read_json
from sdjax.weights.hub import local_folder
from sdjax.weights.load import load_params
from sdjax.weights.lora import given_lora
from sdjax.weights.template import checked_template
from sdjax.weights.tensors import tensor_shapes
from tests import reference
from tests.fuzz.damage import BYTES, TEXTS, VALUES, damaged
from tests.fuzz.promise import FORMS, drawn, kept
from tests.networks.components import NETWORKS
from tests.weights.small import random_params, template, torch_tensors
from tests.weights.test_lora import SHAPES, tensors_of

MODEL = reference.FOLDER / "tiny" / "sd1_tiny"
FILES = {
    "model.safetensors": save(torch_tensors(random_params()), {"format": "pt"}),
    "flax_model.msgpack": flax.serialization.to_bytes(random_params()),
}
INDEX = "model.safetensors.index.json"
DTYPES = st.sampled_from(["float32", "float16", "int8", "bool", "float64"])


@pytest.fixture
def fresh(tmp_path):
    """A new folder at every call."""
    count = itertools.count()

    def made():
        folder = tmp_path / "around" / str(next(count))
        folder.mkdir(parents=True)
        return folder

    return made


@FORMS
@pytest.mark.parametrize("name", FILES)
def test_the_bytes_of_weights(cases, name, fresh):
    @drawn(cases)
    @given(damages=BYTES)
    def holds(damages):
        folder = fresh()
        (folder / name).write_bytes(damaged(FILES[name], damages))
        kept(lambda: load_params(template(), folder), inside=folder)

    holds()


@FORMS
def test_the_heads_of_weights(cases, fresh):
    content = FILES["model.safetensors"]
    end = 8 + int.from_bytes(content[:8], "little")
    head = json.loads(content[8:end])

    @drawn(cases)
    @given(changes=st.dictionaries(st.sampled_from(sorted(head)) | TEXTS, VALUES, max_size=3))
    def holds(changes):
        folder, text = fresh(), json.dumps(head | changes).encode()
        file = folder / "model.safetensors"
        file.write_bytes(len(text).to_bytes(8, "little") + text + content[end:])
        kept(lambda: load_params(template(), folder), inside=folder)

    holds()


@FORMS
def test_indexes(cases, fresh):
    names = st.dictionaries(TEXTS, VALUES | st.just("model.safetensors"), max_size=3)

    @drawn(cases)
    @given(index=VALUES | st.fixed_dictionaries({"weight_map": VALUES | names}), damages=BYTES)
    def holds(index, damages):
        folder = fresh()
        for place in (folder / "x.safetensors", folder.parent / "x.safetensors"):
            place.write_bytes(FILES["model.safetensors"])
        (folder / INDEX).write_text(json.dumps(index))
        kept(lambda: load_params(template(), folder), inside=folder)
        (folder / INDEX).write_bytes(damaged((folder / INDEX).read_bytes(), damages))
        kept(lambda: load_params(template(), folder), inside=folder)

    holds()


@FORMS
@pytest.mark.parametrize("component", ["unet", "vae", "text_encoder"])
def test_configurations(cases, component, fresh):
    """Of networks that are never built larger than their tensors."""
    kind, network = NETWORKS[component]
    shapes = tensor_shapes(MODEL / component)
    fields = json.loads((MODEL / component / "config.json").read_text())
    values = VALUES | st.lists(st.integers(1, 10**9), max_size=4)

    def template_of(file):
        return checked_template(network(kind.from_dict(read_json(file, "it"))), shapes, "It")

    @drawn(cases)
    @given(changes=st.dictionaries(st.sampled_from(sorted(fields)), values, min_size=1, max_size=3))
    def holds(changes):
        folder = fresh()
        (folder / "config.json").write_text(json.dumps(fields | changes))
        kept(lambda: template_of(folder / "config.json"), inside=folder)

    holds()


@FORMS
def test_lora(cases, fresh):
    tensors = {**tensors_of("PEFT"), "unet.x.alpha": np.ones((), np.float32)}
    arrays = st.builds(
        lambda shape, dtype, value: np.full(shape, value).astype(dtype),
        st.lists(st.integers(0, 5), max_size=4),
        DTYPES,
        st.sampled_from([0.0, 1.0, np.nan, np.inf, 1e300]),
    )
    names = st.sampled_from(sorted(tensors)) | TEXTS.filter(lambda text: text.isprintable())
    heads = st.dictionaries(st.sampled_from(["unet.lora_alpha", "unet.alpha_pattern"]), VALUES)

    def changes_of(folder):
        lora = given_lora([folder], 1.0, SHAPES)
        return [lora.changes(component) for component in SHAPES]

    @drawn(cases)
    @given(
        changes=st.dictionaries(names, arrays, max_size=2),
        head=heads | VALUES,
        damages=st.just([]) | BYTES,
    )
    @pytest.mark.filterwarnings("ignore::RuntimeWarning")
    def holds(changes, head, damages):
        folder = fresh()
        file = folder / "pytorch_lora_weights.safetensors"
        said = json.dumps(head)
        save_file({**tensors_of("PEFT"), **changes}, file, {"lora_adapter_metadata": said})
        file.write_bytes(damaged(file.read_bytes(), damages))
        kept(lambda: changes_of(folder), inside=folder)

    holds()


@FORMS
def test_sources(cases, fresh, monkeypatch):
    """Texts in place of a folder; none of them is looked for on a hub."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    @drawn(cases)
    @given(source=TEXTS.filter(lambda text: "/" not in text.strip("./")), revision=TEXTS)
    def holds(source, revision):
        folder = fresh()
        for given_source in (source, folder / source):
            kept(lambda given_source=given_source: local_folder(given_source), inside=folder)
        (folder / "models--a--b" / "snapshots" / "x").mkdir(parents=True)
        kept(lambda: local_folder(folder / "models--a--b", revision), inside=folder)

    holds()
