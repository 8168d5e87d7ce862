"""Command lines: how they are read, and how a command ends."""

import subprocess
import sys

import pytest
from absl import flags

from sdjax.commands.app import define_config, parse
from sdjax.config.errors import UserError
from tests.config.like import load

FILE = "def get_config():\n    return {'steps': 300, 'rule': {'name': 'dsd'}, 'mesh': True}\n"
COMMAND = r'''
"""What the toy is for.

More of it.
"""

import errno
import os
import sys
import warnings
from absl import flags, logging
from sdjax.commands.app import Command, define_workdir, run
from sdjax.config.errors import UserError
from sdjax.config.fields import whole
from tests.config.like import load

def main(values):
    config = load(values.config, values.config_field)
    if config.steps == 1:
        raise UserError("the sentence,\nin two lines.\n  a list\n  below")
    if config.steps == 2:
        raise ValueError("a bug")
    if config.steps == 3:
        raise KeyboardInterrupt
    if config.steps == 5:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/a/sheet.png")
    if config.steps == 6:
        return 7
    logging.info("what orbax does in detail")
    if config.steps == 4:
        warnings.warn("the prompt is\n long")
    heavy = [name for name in ("jax", "PIL", "orbax", "rich") if name in sys.modules]
    print(config.steps, values.colour, *heavy)

def define():
    define_workdir("the toy's folder")
    flags.DEFINE_enum("colour", "red", ["red", "blue"], "of the toy, " + "which is long " * 8)

steps = {"steps": whole().says("of the toy")}
run(Command("toy", __doc__, main, define, load, lambda config: steps))
'''


@pytest.fixture
def path(tmp_path):
    (tmp_path / "demo.py").write_text(FILE)
    return str(tmp_path / "demo.py")


def read(*arguments):
    values = flags.FlagValues()
    define_config(values)
    flags.DEFINE_integer("devices", 1, "how many", flag_values=values)
    parse(["sdjax.train", *arguments], values)
    return load(values.config, values.config_field)


def test_fields_are_overridden_in_order(path):
    config = read(
        "--config.steps=5", f"--config={path}", "--config.rule.name", "sds", "--config.steps=7"
    )
    assert (config.steps, config.rule.name, config.mesh) == (7, "sds", True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "--config is missing (the configuration: a file, or a name such as demo or embedded_"),
        (["--confg=x"], "--confg is not an option; the nearest is --config."),
        (
            ["--config={path}", "--prompt=a mug"],
            "--prompt is not an option; fields of the configuration are given as --config.prompt=V",
        ),
        (["--config={path}", "--seed", "3"], "--seed is not an option; fields of the configurati"),
        (["--config={path}", "rule.name=sds"], "'rule.name=sds' is not an option, expected opti"),
        (["--config={path}", "--devices=two"], "flag --devices=two: invalid literal for int()"),
        (["--config={path}", "runs/x"], "'runs/x' is not an option, expected options as --config"),
        (["--config={path}", "--config.stpes=3"], "config.stpes is not a field; the nearest is"),
        (["--config={path}", "--config.steps"], "config.steps is '', expected a whole number."),
        (["--config={path}x"], "There is no configuration file {path}x; did you mean '{path}'?"),
        (["--config="], "--config=. is a folder, expected one of its files."),
        (["--config"], "Missing value for flag --config"),
    ],
)
def test_a_bad_command_line_is_one_sentence(path, arguments, sentence):
    with pytest.raises(UserError) as caught:
        read(*[argument.format(path=path) for argument in arguments])
    assert str(caught.value).startswith(sentence.format(path=path))


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        capture_output=True,
        text=True,
    )


def in_folder(path, *arguments):
    return command(f"--config={path}", "--workdir=x", *arguments)


def test_a_command_runs_and_loads_nothing_heavy(path):
    done = in_folder(path, "--colour=blue")
    assert (done.returncode, done.stdout, done.stderr) == (0, "300 blue\n", "")


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("--config.steps=1", "the sentence, in two lines.\n  a list\n  below"),
        ("--config.steps=x", "config.steps is 'x', expected a whole number."),
        ("--no_such", "--no_such is not an option; fields of the configuration are given as --con"),
        ("--colur=red", "--colur is not an option; the nearest is --colour."),
        ("--colour=green", "flag --colour=green: value should be one of <red|blue>"),
    ],
)
def test_a_user_error_is_one_sentence_and_exit_code_2(path, argument, sentence):
    done = in_folder(path, argument)
    assert done.returncode == 2
    assert done.stderr.startswith(f"sdjax: error: {sentence}")
    assert done.stderr.count("\n") == 1 + sentence.count("\n")


def test_a_missing_folder_is_one_sentence(path):
    done = command(f"--config={path}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "sdjax: error: --workdir is missing (the toy's folder).\n"


def test_a_bug_keeps_its_traceback(path):
    done = in_folder(path, "--config.steps=2")
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "ValueError: a bug" in done.stderr


def test_an_interruption_is_one_line_and_exit_code_130(path):
    done = in_folder(path, "--config.steps=3")
    assert done.returncode == 130
    assert done.stderr == "sdjax: interrupted.\n"


def test_a_full_disk_is_one_sentence_and_a_number_is_the_exit_code(path):
    done = in_folder(path, "--config.steps=5")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "sdjax: error: runs/a/sheet.png: No space left on device; mend that, and the same command "
        "goes on from what is saved.\n"
    )
    assert in_folder(path, "--config.steps=6").returncode == 7


def test_a_warning_is_one_line_and_the_command_goes_on(path):
    done = in_folder(path, "--config.steps=4")
    assert (done.returncode, done.stdout) == (0, "4 red\n")
    assert done.stderr == "sdjax: warning: the prompt is long\n"


def test_the_configuration_is_printed_and_nothing_is_done(path):
    """It needs no folder; overrides count."""
    done = command(f"--config={path}", "--print_config", "--config.steps=2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "mesh = True",
        "rule.name = 'dsd'",
        f"{'steps = 2':<44}  # of the toy (a whole number)",
    ]
    done = command(f"--config={path}", "--print_config", "--config.stpes=2")
    assert (done.returncode, done.stdout) == (2, "")
    assert "config.stpes is not a field" in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--config=none.py", "--help"]])
def test_help_is_short_and_no_error(arguments):
    done = command(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "usage: sdjax toy [options]"
    assert lines[2:5] == ["What the toy is for.", "", "More of it."]
    assert max(map(len, lines)) <= 100
    options = [line.split()[0] for line in lines[7:] if line.startswith("  --")]
    assert options == ["--colour=red|blue", "--config", "--print_config", "--workdir"]
    assert "<red|blue>" not in done.stdout and "(default: red)" in done.stdout
