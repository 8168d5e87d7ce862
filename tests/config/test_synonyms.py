"""Fields by the words of other programs."""

import pytest

from sdjax.config.errors import UserError
from sdjax.config.synonyms import WORDS, fields_for_option, nearest_field
from sdjax.config.tables import flatten, resolve
from sdjax.runs import sampling
from sdjax.runs.schema import SCHEMA, load_config

CONFIG = load_config("stable_diffusion_3d")
FIELDS = list(dict(resolve(SCHEMA, CONFIG)))


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("seed", "first_seed (config.seeds is how many there are)"),
        ("system.seed", "first_seed (config.seeds is how many there are)"),
        ("lr", "optimizer.learning_rate"),
        ("optimizer.lr", "optimizer.learning_rate"),
        ("system.optimizer.args.lr", "optimizer.learning_rate"),
        ("iterations", "stages.steps"),
        ("trainer.max_steps", "stages.steps"),
        ("steps", "stages.steps"),
        ("cfg", "rule.guidance_scale"),
        ("guidance", "rule.guidance_scale"),
        ("guidance_scale", "rule.guidance_scale"),
        ("system.guidance.guidance_scale", "rule.guidance_scale"),
        ("system.prompt_processor.prompt", "prompt"),
        ("negative_prompt", "prior.prompts.negative"),
        ("pretrained_model_name_or_path", "prior.weights"),
        ("data.batch_size", "camera.views"),
        ("data.width", "stages.resolution"),
        ("system.loss.lambda_orient", "losses.orientation"),
        ("n-particles", "seeds"),
        ("sedes", "seeds"),
        ("prior.prompts.frnt", "prior.prompts.front"),
    ],
)
def test_the_field_of_a_word(name, field):
    assert nearest_field(name, FIELDS) == f"config.{field}"


def test_a_command_has_its_own():
    fields = list(flatten(sampling.SCHEMA))
    assert nearest_field("num_inference_steps", fields) == "config.steps"
    assert nearest_field("cfg", fields) == "config.guidance_scale"
    assert nearest_field("seed", ["seeds", "steps"]) == "config.seeds"
    assert nearest_field("seeed", ["seed", "steps"]) == "config.seed"


def test_an_option_may_be_a_field_of_any_command():
    assert fields_for_option("num_inference_steps") == ("stages.steps", "steps", "diffusion.steps")
    assert fields_for_option("prior.weights") == ("prior.weights",)


@pytest.mark.parametrize("ours", [ours for names in WORDS for ours in names[:1]])
def test_every_field_of_the_table_is_one_of_a_run(ours):
    assert ours in FIELDS


def test_the_sentence():
    with pytest.raises(UserError, match=r"^config\.seed is not a field; the nearest is config\.fi"):
        load_config("demo", ["seed=3"])
