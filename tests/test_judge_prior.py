"""The command that judges a prior, on very few pictures."""

import json

import numpy as np
import pytest

from sdjax.cameras import DIRECTIONS
from sdjax.config.errors import UserError
from sdjax.judge_prior import judge_prior, load_config
from sdjax.objects.prompts import CATEGORIES
from sdjax.objects.variants import COLOURS
from sdjax.prior_training import judgement
from sdjax.prior_training.classifier import QUESTIONS, Judge
from sdjax.prior_training.judging import asked_for

FEW = {
    "classifier": {"pictures": 64, "steps": 3, "batch": 8},
    "captions": 8,
    "held_out": 16,
    "seeds": 2,
    "steps": 2,
}


class Stubborn(Judge):
    """It sees the first answer to each question in every picture."""

    def answers(self, pictures):
        return {name: np.zeros(len(pictures), int) for name in QUESTIONS}


def parts_of_first(words):
    """How many of the words are first answers."""
    first = {"object": next(iter(CATEGORIES)), "colour": next(iter(COLOURS)), "view": DIRECTIONS[0]}
    said = {"object": "noun", "colour": "colour", "view": "direction"}
    return {
        name: np.mean([getattr(one, said[name]) == first[name] for one in words]) for name in first
    }


@pytest.mark.long
def test_it_leaves_figures_and_a_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(judgement, "make_judge", lambda config, render: Stubborn({}))
    monkeypatch.setattr(judgement, "_MANY", 1024)
    metrics = judge_prior("judge_prior", tmp_path, FEW)
    assert json.loads((tmp_path / "metrics.json").read_text()) == metrics
    assert (tmp_path / "drawn.png").exists()
    config = load_config("judge_prior", FEW)
    asked = asked_for(np.random.default_rng([0, judgement._ASKED]), config.objects.nouns, 8)
    render = judgement.make_renderer(config, 8)
    _, held_out = render(16, judgement._HELD_OUT, config.margin)
    for shown, words in (("drawn", asked), ("real", held_out), ("decoded", held_out)):
        expected = parts_of_first(words)
        assert {name: metrics[shown][name] for name in expected} == pytest.approx(expected)
    assert 0 < sum(parts_of_first(held_out).values()) < 3  # right for some, wrong for others
    assert metrics["autoencoder_psnr"] > 28.0
    assert all(0.02 < spread < 0.5 for spread in metrics["spread_over_seeds"].values())


def test_a_checkpoint_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="There is no folder 'nowhere'"):
        judge_prior("judge_prior", tmp_path, {"prior.weights": "nowhere"})
