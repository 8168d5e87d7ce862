"""The page about the rules names all of them, and recordings and tests that exist."""

import re
from pathlib import Path

import pytest

from sdjax.rules import RULES
from tests.reference import FOLDER

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "rules.md").read_text()
ROWS = re.findall(r"^\| `(\w+)`(?: as \w+)? \| ([^|]*) \| ([^|]*) \|$", PAGE, re.MULTILINE)


def test_every_rule_has_numbers_but_nfsd():
    assert {rule for rule, _, _ in ROWS} == set(RULES)
    assert [rule for rule, files, _ in ROWS if files.startswith("none")] == ["nfsd"]


def text_of(test):
    """The test of that name, with the modules of tests that it imports."""
    (path,) = (ROOT / "tests").rglob(f"{test}.py")
    text = path.read_text()
    modules = re.findall(r"^from (tests\.[\w.]+) import", text, re.MULTILINE)
    files = (ROOT / f"{module.replace('.', '/')}.py" for module in modules)
    return text + "".join(file.read_text() for file in files if file.is_file())


@pytest.mark.parametrize(("rule", "files", "tests"), ROWS)
def test_the_tests_of_a_rule_read_its_recordings(rule, files, tests):
    texts = [text_of(name) for name in tests.split(", ")]
    for name in () if files.startswith("none") else files.split(", "):
        name = name.partition(" ")[0]
        assert (FOLDER / f"{name}.npz").is_file()
        assert any(f'"{name}"' in text for text in texts), f"{name} is read by none of {tests}"


def test_links_lead_to_files():
    for link in re.findall(r"\]\((\.\./[^)]*)\)", PAGE):
        assert (ROOT / "docs" / link).is_file(), link
