"""Parity is told of what is recorded, refused of what is not, and can fail."""

import shutil
from functools import partial

import numpy as np
import pytest

from sdjax.benchmark import _told_what_failed
from sdjax.benchmarks import parity
from sdjax.benchmarks.parity_recordings import recorded, recordings_folder
from sdjax.benchmarks.parity_rules import RULES
from sdjax.benchmarks.running import Plan, failed, growing
from sdjax.benchmarks.section import NEVER, Deadline, Doing, Left, Note
from sdjax.rules import RULES as KINDS
from tests import reference

FOLDER = str(reference.FOLDER)


def events(recordings=FOLDER, checks=("rules",), seconds=float("inf")):
    found = list(parity.measure_parity(recordings, checks, Deadline.after(seconds)))
    return [event for event in found if not isinstance(event, Doing)]


def test_every_rule_with_a_recording_agrees():
    note, *rows = events()
    assert isinstance(note, Note) and "jax: " in note.sentence
    assert [row["what"] for row in rows] == list(RULES)
    assert {row["holds"] for row in rows} == {"yes"}
    assert max(row["error"] for row in rows) < 2e-5


def test_no_rule_is_forgotten():
    unrecorded = {"nfsd", "dsd_star", "exact_vsd"}
    named = " ".join(RULES).lower()
    assert {name for name in KINDS if name not in named} == unrecorded


@pytest.fixture
def perturbed(tmp_path):
    """The recordings of SDS with one number changed by a thousandth of the largest."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    shutil.copy(reference.FOLDER / "ddim.npz", folder)
    check = RULES["SDS"]
    arrays = recorded(reference.FOLDER, check.file, check.case)
    arrays["grad"][0, 0, 0, 0] += 1e-3 * np.abs(arrays["grad"]).max()
    np.savez(folder / "sds.npz", **{f"{check.case}/{name}": a for name, a in arrays.items()})
    return folder


def test_another_number_is_noticed(perturbed):
    row = parity._rule_row("SDS", RULES["SDS"], perturbed)
    assert row["holds"] == "no"
    assert row["error"] == pytest.approx(1e-3, rel=0.01)


def test_what_does_not_hold_fails_the_command(perturbed, monkeypatch, capsys):
    monkeypatch.setattr(parity, "RULES", {"SDS": RULES["SDS"]})
    measure = partial(parity.measure_parity, str(perturbed), ("rules",))
    *_, found = growing(Plan("Parity", "Note.", measure), NEVER)
    assert found.rows[0]["holds"] == "no"
    assert failed({"parity": found}) == ["parity: SDS, float32, highest: error 0.001 above 0.0001"]
    assert _told_what_failed({"parity": found}) == 1


def test_what_is_no_number_does_not_hold():
    expected = np.ones(3)
    found = np.array([1.0, np.nan, 1.0])
    row = parity._row("it", lambda: {"output": (found, expected)}, parity.HIGHEST)
    assert row["holds"] == "no"


def test_a_missing_folder_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert recordings_folder("tests/data/reference") == reference.FOLDER  # of the clone
    _, *left = events(recordings="nowhere", checks=parity.CHECKS)
    assert [one.name for one in left] == ["networks", "rules"]
    assert "there is no folder nowhere" in left[0].why


def test_what_there_is_no_time_for_is_named():
    _, *left = events(seconds=0.0)
    assert left == [Left(name) for name in RULES]


# Of each kind one; UNets of Stable Diffusion and MVDream are compiled for long, and have tests of
# their own on the same recordings.
FEW = ("UNet of Zero-1-to-3", "encoder", "text encoder of Stable Diffusion 1", "image encoder")


@pytest.mark.slow
def test_networks_agree_in_both_precisions(monkeypatch):
    few = {name: check for name, check in parity.NETWORKS.items() if name.startswith(FEW)}
    monkeypatch.setattr(parity, "NETWORKS", few)
    _, *rows = events(checks=("networks",))
    assert len(rows) == 2 * len(FEW)
    assert {(row["precision"], row["holds"]) for row in rows} == {
        ("float32, highest", "yes"),
        ("bfloat16", "yes"),
    }


def test_the_error():
    found, expected = np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 5.0])
    assert parity.largest_error(found, expected) == pytest.approx(0.2)
