"""Files of the user's, and configurations of the package by their names."""

import pytest

from sdjax.config import finding
from sdjax.config.errors import UserError
from sdjax.config.finding import configs_folder, find

FOLDER = configs_folder()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder without configurations, to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("source", "name", "argument"),
    [
        ("demo", "demo", None),
        ("demo.py", "demo", None),
        ("configs/demo", "demo", None),
        ("configs/demo.py", "demo", None),
        ("embedded_2d", "embedded_2d", None),
        ("embedded_2d:dsd", "embedded_2d", "dsd"),
        ("embedded_2d.py:fsd", "embedded_2d", "fsd"),
        ("configs/embedded_2d.py:fsd", "embedded_2d", "fsd"),
        ("configs/embedded_2d:fsd", "embedded_2d", "fsd"),
        ("analysis/trajectories:stable_diffusion", "analysis/trajectories", "stable_diffusion"),
        ("rules/dsd", "rules/dsd", None),
        ("{folder}/embedded_2d.py", "embedded_2d", None),
        ("{folder}/embedded_2d.py:sds", "embedded_2d", "sds"),
        ("{folder}/embedded_2d.py:", "embedded_2d", ""),
    ],
)
def test_the_package_has_its_configurations_from_any_folder(here, source, name, argument):
    assert find(source.format(folder=FOLDER)) == (FOLDER / f"{name}.py", argument)


def test_a_file_of_the_user_comes_first(here):
    for name in ("demo.py", "task.py", "a:b.py"):
        (here / name).write_text("")
    assert find("demo.py") == (here.joinpath("demo.py").relative_to(here), None)
    assert find(here / "task.py") == (here / "task.py", None)
    assert find(f"{here}/task.py:fsd") == (here / "task.py", "fsd")
    assert find(f"{here}/a:b.py") == (here / "a:b.py", None)
    assert find(f"{here}/a:b.py:c") == (here / "a:b.py", "c")
    assert find("demo") == (FOLDER / "demo.py", None)  # not a file of that name


def test_a_home_folder_is_meant(here, monkeypatch):
    monkeypatch.setenv("HOME", str(here))
    (here / "mine.py").write_text("")
    assert find("~/mine.py") == (here / "mine.py", None)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("dmeo.py", "There is no configuration file {path}; did you mean '{folder}/demo.py'?"),
        ("demo", "There is no configuration file {path}; did you mean '{folder}/demo.py'?"),
        ("dmeo.py:fsd", "There is no configuration file {path}; did you mean '{folder}/demo.py'?"),
        ("zz/demo.py", "There is no configuration file {path}: {folder}/zz is not a folder."),
        ("folder", "--config={path} is a folder, expected one of its files."),
    ],
)
def test_a_missing_file_is_one_sentence(tmp_path, name, sentence):
    (tmp_path / "demo.py").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError) as caught:
        find(tmp_path / name)
    expected = sentence.format(path=tmp_path / name.partition(":")[0], folder=tmp_path)
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("dmeo", "There is no configuration file dmeo; did you mean 'demo'?"),
        (
            "embeded_2d:fsd",
            "There is no configuration file embeded_2d; did you mean 'embedded_2d'?",
        ),
        ("configs/dmeo.py", "There is no configuration file configs/dmeo.py"),
        (
            "zzzzzz",
            "There is no configuration file zzzzzz. The package has analysis/initial_noise,",
        ),
        ("", "--config=. is a folder, expected one of its files."),
        (":fsd", "--config=. is a folder, expected one of its files."),
        ("x" * 300, f"There is no configuration file {'x' * 300}"),
        ("a\0b", "There is no configuration file a\0b"),
        ("~nobodys/x", "There is no configuration file ~nobodys/x"),
    ],
)
def test_a_name_that_the_package_has_not_is_one_sentence(here, name, sentence):
    with pytest.raises(UserError) as caught:
        find(name)
    assert str(caught.value).startswith(sentence)


def test_the_configurations_of_a_wheel_lie_in_the_package(here, monkeypatch):
    wheel = here / "sdjax" / "configs"
    monkeypatch.setattr(finding, "_PLACES", (wheel, here / "configs"))
    (here / "configs").mkdir()
    assert configs_folder() == here / "configs"
    wheel.mkdir(parents=True)
    (wheel / "demo.py").write_text("")
    assert configs_folder() == wheel and find("demo") == (wheel / "demo.py", None)
