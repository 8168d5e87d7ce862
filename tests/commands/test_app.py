import subprocess
import sys

import pytest
from absl import flags

from sdjax.commands.app import config_from_flags, define_config, parse
from sdjax.config.errors import UserError

FILE = "def get_config():\n    return {'steps': 300, 'rule': {'name': 'dsd'}, 'mesh': True}\n"
COMMAND = """
import sys
import warnings
from absl import logging
from sdjax.commands.app import config_from_flags, define_config, run
from sdjax.config.errors import UserError

def main():
    config = config_from_flags()
    if config.steps == 1:
        raise UserError("the sentence,\\nin two lines.\\n  a list\\n  below")
    if config.steps == 2:
        raise ValueError("a bug")
    if config.steps == 3:
        raise KeyboardInterrupt
    logging.info("what orbax does in detail")
    if config.steps == 4:
        warnings.warn("the prompt is\\n long")
    print(config.steps, *[name for name in ("jax", "PIL", "orbax", "rich") if name in sys.modules])

define_config()
run(main)
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "demo.py").write_text(FILE)
    return str(tmp_path / "demo.py")


def read(*arguments):
    values = flags.FlagValues()
    define_config(values)
    flags.DEFINE_integer("devices", 1, "how many", flag_values=values)
    parse(["sdjax.train", *arguments], values)
    return config_from_flags(values)


def test_fields_are_overridden_in_order(path):
    config = read(
        "--config.steps=5", f"--config={path}", "--config.rule.name", "sds", "--config.steps=7"
    )
    assert (config.steps, config.rule.name, config.mesh) == (7, "sds", True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "--config is missing (the configuration, as in configs/demo.py; a field of it: "),
        (["--confg=x"], "--confg is not an option; the nearest is --config."),
        (["--config={path}", "--devices=two"], "flag --devices=two: invalid literal for int()"),
        (["--config={path}", "runs/x"], "'runs/x' is not an option, expected options as --config"),
        (["--config={path}", "--config.stpes=3"], "config.stpes is not a field; the nearest is"),
        (["--config={path}", "--config.steps"], "config.steps is '', expected a whole number."),
        (["--config={path}x"], "There is no configuration file {path}x; did you mean '{path}'?"),
        (["--config"], "Missing value for flag --config"),
    ],
)
def test_a_bad_command_line_is_one_sentence(path, arguments, sentence):
    with pytest.raises(UserError) as caught:
        read(*[argument.format(path=path) for argument in arguments])
    assert str(caught.value).startswith(sentence.format(path=path))


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments], capture_output=True, text=True
    )


def test_a_command_runs_and_loads_nothing_heavy(path):
    done = command(f"--config={path}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "300\n", "")


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("--config.steps=1", "the sentence, in two lines.\n  a list\n  below"),
        ("--config.steps=x", "config.steps is 'x', expected a whole number."),
        ("--no_such", "--no_such is not an option; the nearest is "),
    ],
)
def test_a_user_error_is_one_sentence_and_exit_code_2(path, argument, sentence):
    done = command(f"--config={path}", argument)
    assert done.returncode == 2
    assert done.stderr.startswith(f"sdjax: error: {sentence}")
    assert done.stderr.count("\n") == 1 + sentence.count("\n")


def test_a_bug_keeps_its_traceback(path):
    done = command(f"--config={path}", "--config.steps=2")
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "ValueError: a bug" in done.stderr


def test_an_interruption_is_one_line_and_exit_code_130(path):
    done = command(f"--config={path}", "--config.steps=3")
    assert done.returncode == 130
    assert done.stderr.startswith("sdjax: interrupted; ") and done.stderr.count("\n") == 1


def test_a_warning_is_one_line_and_the_command_goes_on(path):
    done = command(f"--config={path}", "--config.steps=4")
    assert (done.returncode, done.stdout) == (0, "4\n")
    assert done.stderr == "sdjax: warning: the prompt is long\n"
