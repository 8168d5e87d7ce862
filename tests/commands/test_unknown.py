"""What is said of an option that a command has not."""

import pytest
from absl import flags

from sdjax.commands.app import define_config
from sdjax.commands.unknown import unknown_argument, unknown_option


def options(*names, config=True):
    values = flags.FlagValues()
    if config:
        define_config(values)
    for name in names:
        flags.DEFINE_string(name, None, "", flag_values=values)
    return values


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("prompt", "prompt"),
        ("rule.name", "rule.name"),
        ("negative-prompt", "prior.prompts.negative"),
    ],
)
def test_a_field_that_is_given_as_an_option(name, field):
    said = unknown_option(name, options("workdir"))
    assert said == (
        f"--{name} is not an option; fields of the configuration are given as "
        f"--config.{field}=VALUE."
    )


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("seed", ["first_seed", "seed"]),
        ("lr", ["optimizer.learning_rate", "learning_rate"]),
        ("num_inference_steps", ["stages.steps", "steps", "diffusion.steps"]),
        ("cfg", ["rule.guidance_scale", "guidance_scale"]),
    ],
)
def test_a_field_that_commands_call_differently(name, fields):
    said = unknown_option(name, options("workdir"))
    given = " or ".join(f"--config.{field}=VALUE" for field in fields)
    assert said.endswith(f"are given as {given}, whichever this command has.")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("wrokdir", "workdir"), ("confg", "config"), ("output", "workdir"), ("Workspace", "workdir")],
)
def test_an_option_by_another_word_or_mistyped(name, nearest):
    assert unknown_option(name, options("workdir")).endswith(f"; the nearest is --{nearest}.")


def test_a_command_without_a_configuration_has_options_only():
    values = options("workdir", "runs", config=False)
    assert unknown_option("seed", values) == "--seed is not an option; the nearest is --runs."
    assert unknown_argument("runs/x", values).endswith("expected options as --workdir=FOLDER.")


def test_options_of_absl_are_no_hint():
    values = options("workdir", config=False)
    flags.DEFINE_string("seeds", None, "", flag_values=values, module_name="absl.app")
    assert unknown_option("seed", values).endswith("; the nearest is --workdir.")


def test_a_field_without_dashes():
    said = unknown_argument("data.batch_size=4", options())
    fields = "--config.camera.views=VALUE or --config.batch=VALUE, whichever this command has."
    assert said.endswith(f"is not an option, expected options as {fields}")
