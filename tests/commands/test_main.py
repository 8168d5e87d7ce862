"""`sdjax NAME ...` from end to end, and that each command has what it is listed for."""

import configparser
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import sdjax
from sdjax.commands import main
from sdjax.commands.groups import GROUPS

PACKAGE = Path(sdjax.__file__).parent
WITH_CONFIG = {"train", "sample", "analyse", "measure", "benchmark"} | set(GROUPS["Small priors"])
RUN = "from sdjax.commands.main import main; main()"


def sdjax_command(*arguments):
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    )


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_all_commands_are_listed_in_their_groups(arguments, capsys):
    main.main(["sdjax", *arguments])
    said = capsys.readouterr().out
    assert said.startswith("usage: sdjax COMMAND [options]")
    for group, commands in GROUPS.items():
        assert f"\n{group}:\n" in said
        for name, about in commands.items():
            assert f"  {name} " in said and about in said
    assert max(map(len, said.splitlines())) <= 100


def test_a_command_that_is_none_is_one_sentence(capsys):
    with pytest.raises(SystemExit) as caught:
        main.main(["sdjax", "trian"])
    assert caught.value.code == 2
    told = capsys.readouterr()
    assert told.err == "sdjax: error: 'trian' is not a command; the nearest is 'train'.\n"
    assert told.out == ""


def test_options_without_a_command_are_one_sentence(capsys):
    with pytest.raises(SystemExit) as caught:
        main.main(["sdjax", "--config=demo"])
    assert caught.value.code == 2
    assert capsys.readouterr().err == (
        "sdjax: error: '--config=demo' stands where a command is expected, as in "
        "'sdjax train --config=demo'.\n"
    )


def test_the_list_is_that_of_the_modules():
    modules = {
        path.stem for path in PACKAGE.glob("*.py") if "\nCOMMAND = app.Command(" in path.read_text()
    }
    assert modules == set(main.COMMANDS)


@pytest.mark.parametrize("name", main.COMMANDS)
def test_a_command_says_what_it_is_for(name):
    module = importlib.import_module(f"sdjax.{name}")
    command = vars(module)["COMMAND"]
    assert command.name == name and command.about == module.__doc__
    assert f"sdjax {name} --" in command.about
    assert (command.load is not None) == (name in WITH_CONFIG)


def test_it_is_installed_under_its_name():
    setup = configparser.ConfigParser()
    setup.read(PACKAGE.parent / "setup.cfg")
    scripts = setup["options.entry_points"]["console_scripts"].split("\n")
    assert scripts[1:] == ["sdjax = sdjax.commands.main:main"]


@pytest.mark.slow
def test_help_of_a_command_lists_its_options_and_is_no_error():
    done = sdjax_command("export", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: sdjax export [options]\n\nFilms and meshes of a run")
    for option in ("--film=mp4|gif", "--frames", "--mesh_resolution", "--seed", "--workdir"):
        assert f"\n  {option} " in done.stdout


def test_the_same_command_by_its_module():
    """Absl's own options are not listed."""
    done = subprocess.run(
        [sys.executable, "-m", "sdjax.export", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout == sdjax_command("export", "--help").stdout
    assert "verbosity" not in done.stdout


@pytest.mark.slow
def test_a_whole_configuration_is_printed():
    """Of a task with another rule, from outside."""
    changes = ["--config.rule.name=fsd", "--config.seeds=3"]
    done = sdjax_command("train", "--config=embedded_2d", "--print_config", *changes)
    assert (done.returncode, done.stderr) == (0, "")
    values = dict(line.split("#")[0].split(" = ", 1) for line in done.stdout.splitlines())
    values = {name: value.strip() for name, value in values.items()}
    assert (values["rule.name"], values["seeds"], values["noise.name"]) == ("'fsd'", "3", "'fixed'")
    assert values["stages.steps"] == "(300,)" and "run.chunk" in values
    assert all(" # " in line for line in done.stdout.splitlines())


def test_an_error_of_a_command_is_one_line_and_exit_code_2(tmp_path):
    done = sdjax_command("compare", f"--workdir={tmp_path}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("sdjax: error: --workdir=") and done.stderr.count("\n") == 1
    missing = sdjax_command("train", "--config=demo")
    assert missing.returncode == 2
    assert missing.stderr == "sdjax: error: --workdir is missing (the run's folder).\n"
