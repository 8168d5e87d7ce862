"""What the fields of a configuration become."""

import jax
import numpy as np
import pytest
from PIL import Image

from sdjax.config.errors import UserError
from sdjax.diffusion.scheduler_config import read_scheduler
from sdjax.objects.prompts import CATEGORIES, words
from sdjax.prior_training import build, sources
from sdjax.prior_training.build import (
    make_held_out,
    make_model,
    make_plan,
    make_renderings,
    make_source,
    tokenizer_folder,
)
from sdjax.prior_training.captions import Odds
from sdjax.prior_training.model import Model
from sdjax.prior_training.networks import networks
from sdjax.prior_training.scenes import Framing, Variety
from sdjax.prior_training.sources import Bank, Fresh
from sdjax.text.tokenizer import load_tokenizer
from sdjax.train_prior import load_config

pytestmark = pytest.mark.usefixtures("quick_compilation")
SMALL = {"resolution": 8, "data": {"pictures": 6}, "report.held_out": 4}


def config(**overrides):
    return load_config(load_config("train_prior", SMALL), overrides)


@pytest.fixture(scope="module", autouse=True)
def few_at_once():
    """Quickly rendered."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "_AT_ONCE", 16)
        yield


@pytest.fixture
def folder(tmp_path):
    """The configuration of three pictures of a user."""
    for name in "abc":
        Image.new("RGB", (9, 9), "red").save(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.txt").write_text(name)
    table = {"name": "folder", "path": str(tmp_path), "empty": 0.0}
    return load_config(config().to_dict() | {"data": table})


@pytest.fixture
def made(monkeypatch):
    """What `new_model` is asked for; a model without parameters is made."""
    asked = []

    def without_parameters(tables, tokenizer, key):
        asked.append((tables, tokenizer, key))
        scheduler = read_scheduler(tables.scheduler)
        return Model(tables, networks(tables), {}, load_tokenizer(tokenizer), scheduler)

    monkeypatch.setattr(build, "new_model", without_parameters)
    return asked


def test_renderings_have_what_the_table_says():
    changes = {
        "nouns": ("car", "mug"),
        "elevation": (0.0, 30.0),
        "distance": (3.0, 4.0),
        "fovy": (30.0, 50.0),
        "overhead": 20.0,
        "stretch": 0.3,
        "shade": 0.01,
        "says.roof": 0.25,
    }
    made = make_renderings(config(**{f"data.{name}": value for name, value in changes.items()}))
    assert {obj.noun for obj in made.objects} == {"car", "mug"} and len(made.objects) == 16
    assert made.framing == Framing((0.0, 30.0), (3.0, 4.0), (30.0, 50.0), 20.0)
    assert (made.variety, made.resolution) == (Variety(0.3, 0.01), 8)
    assert made.odds == Odds(roof=0.25, octant=0.5)


def test_the_shipped_table_has_the_defaults():
    """So that what a docstring says is what is trained; but captions name views by octants, too."""
    made = make_renderings(config())
    assert (made.framing, made.variety, made.odds) == (Framing(), Variety(), Odds(octant=0.5))


@pytest.mark.slow
def test_pictures_at_hand_and_fresh_ones():
    bank, fresh = (make_source(config(**{"data.pictures": number})) for number in (6, 0))
    assert isinstance(bank, Bank) and bank.values.shape == (6, 8, 8, 3)
    assert isinstance(fresh, Fresh)


def test_held_out_pictures_are_others_and_the_seed_changes_all():
    seen, held_out, other = (
        make_source(config()),
        make_held_out(config()),
        make_source(config(seed=1)),
    )
    assert held_out.values.shape == (4, 8, 8, 3)
    for values in (held_out.values, other.values[:4]):
        assert not any(np.array_equal(a, b) for a, b in zip(seen.values[:4], values, strict=True))


def test_pictures_of_a_user(folder):
    assert make_source(folder).values.shape == (3, 8, 8, 3)
    two = load_config(folder, {"report.held_out": 2})
    held_out = make_held_out(two)
    assert len(held_out.values) == 2
    assert held_out.caption(np.random.default_rng(0), 1) == "b"


def test_the_networks_of_a_new_model_fit_each_other(tmp_path, made):
    make_model(config(resolution=16), tmp_path)
    ((tables, tokenizer, key),) = made
    assert tokenizer == tmp_path
    assert jax.numpy.array_equal(jax.random.key_data(key), jax.random.key_data(jax.random.key(0)))
    nets = networks(tables)
    assert nets.autoencoder.config.sample_size == 16
    assert nets.unet.config.sample_size == 4 and nets.autoencoder.config.factor == 4
    assert nets.unet.config.in_channels == nets.autoencoder.config.latent_channels == 4
    assert nets.unet.config.cross_attention_dim == nets.text.config.encoder.hidden_size == 96
    assert nets.text.config.max_position_embeddings == 24
    assert tables.scheduler["prediction_type"] == "v_prediction"


def test_every_word_of_the_captions_is_one_token(tmp_path, made):
    make_model(config(**{"data.nouns": ("house", "mug")}), tmp_path)
    tables, *_ = made[0]
    tokenize = load_tokenizer(tmp_path)
    end = tables.text["eos_token_id"]
    said = {word for noun in ("house", "mug") for word in (noun, *words(noun))}
    for word in said | {"photo", "DSLR", "overhead", "roof", "an"}:
        assert tokenize([word])[0].tolist().index(end) == 2
    assert (tokenize(["rocket"])[0] == end).sum() < 22  # no noun here


def test_a_new_model_for_a_users_pictures_knows_all_nouns(tmp_path, made, folder):
    make_model(folder, tmp_path)
    rows = load_tokenizer(tmp_path)(list(CATEGORIES))
    assert ((rows == made[0][0].text["eos_token_id"]).sum(1) == 22).all()


def test_the_same_configuration_has_the_same_tokens(tmp_path, made):
    for name in ("one", "two"):
        make_model(config(), tmp_path / name)
    files = [(tmp_path / name / "vocab.json").read_bytes() for name in ("one", "two")]
    assert files[0] == files[1] and made[0][0] == made[1][0]


def test_tokenizers_of_new_models_and_of_checkpoints(tmp_path):
    assert tokenizer_folder(config(), tmp_path) == tmp_path / "tokenizer"


def test_plans_have_the_fields_of_their_stage():
    table = config(**{"run.chunk": 7})
    for stage in (table.autoencoder, table.diffusion):
        plan = make_plan(table, stage)
        expected = {name: value for name, value in stage.items() if name in plan._fields}
        assert plan._asdict() == expected | {"chunk": 7, "checkpoint_every": 500}
        assert len(expected) == 8


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_damaged_vocabulary_of_a_resumed_run_is_a_sentence(tmp_path, content):
    (tmp_path / "vocab.json").write_text(content)
    with pytest.raises(UserError, match=r"vocab\.json' .*expected the words of this run"):
        make_model(config(), tmp_path)
