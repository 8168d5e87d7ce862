"""The command that judges a prior, on very few pictures."""

import json

import pytest

from sdjax.config.errors import UserError
from sdjax.judge_prior import judge_prior
from tests.small_runs import CONFIGS

FEW = {
    "classifier": {"pictures": 64, "steps": 3, "batch": 8},
    "captions": 8,
    "held_out": 16,
    "seeds": 2,
    "steps": 2,
}


@pytest.mark.long
def test_it_leaves_figures_and_a_picture(tmp_path):
    metrics = judge_prior(CONFIGS / "judge_prior.py", tmp_path, FEW)
    assert json.loads((tmp_path / "metrics.json").read_text()) == metrics
    assert (tmp_path / "drawn.png").exists()
    for shown in ("drawn", "real", "decoded"):
        assert all(0 <= metrics[shown][name] <= 1 for name in ("object", "colour", "view"))
    assert metrics["autoencoder_psnr"] > 28.0


def test_a_checkpoint_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="There is no folder 'nowhere'"):
        judge_prior(CONFIGS / "judge_prior.py", tmp_path, {"prior.weights": "nowhere"})
