"""Measure how well a Stable Diffusion checkpoint draws the package's objects:
`python -m sdjax.judge_prior --config=configs/judge_prior.py --workdir=runs/judge`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags

from sdjax.commands import app
from sdjax.config.errors import user_errors
from sdjax.config.fields import validate
from sdjax.config.loading import load_config
from sdjax.config.prior_checks import check_stable_diffusion
from sdjax.config.prior_judging_schema import SCHEMA
from sdjax.reports.whole_files import write_whole
from sdjax.runs.machine import prepare_machine
from sdjax.runs.workdir import open_workdir


def judge_prior(
    config: Any, workdir: str | Path, overrides: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Ask for pictures by captions and compare what a classifier sees in them with the words.

    The classifier (`sdjax.prior_training.classifier`) is trained on renderings first; how often it
    is right about others, and about others through the checkpoint's autoencoder, is measured too.

    Args:
        config: a path, a module with `get_config()`, a ConfigDict or a dict.
        workdir: the folder for `drawn.png` and `metrics.json`.
        overrides: fields of the configuration to replace, `{"guidance_scale": 7.5}`.

    Returns:
        What `metrics.json` holds: accuracies for pictures "drawn", "real" and "decoded", the
        autoencoder's PSNR in dB, and the spread of one caption's pictures over seeds.

    Raises:
        UserError: one sentence about what was wrong in the configuration or the checkpoint.
    """
    config = load_config(config, overrides or {})
    validate(config, SCHEMA)
    check_stable_diffusion(config.prior)
    folder = open_workdir(workdir, config)
    prepare_machine()
    with user_errors():
        metrics = _measure(config, folder)
    write_whole(folder / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    print(_summary(metrics), f"Look at {folder / 'drawn.png'}.", sep="\n", flush=True)
    return metrics


def _measure(config: Any, folder: Path) -> dict[str, Any]:
    from sdjax.prior_training import judgement
    from sdjax.runs.build_prior import make_stable_diffusion

    prior = make_stable_diffusion(config.prior, None)
    render = judgement.make_renderer(config, prior.image_size)
    print("training the classifier", flush=True)
    judge = judgement.make_judge(config, render)
    print("drawing", flush=True)
    return judgement.measure(config, prior, judge, render, folder)


def _summary(metrics: Mapping[str, Any]) -> str:
    parts = [f"{name} {metrics['drawn'][name]:.1%}" for name in ("object", "colour")]
    view = metrics["view"]
    seen = f", view {view['drawn']:.1%} of {', '.join(view['nouns'])}" if view["nouns"] else ""
    return f"Right: {', '.join(parts)}{seen}; autoencoder {metrics['autoencoder_psnr']:.1f} dB."


def main() -> None:
    """The command."""
    judge_prior(app.config_from_flags(), flags.FLAGS.workdir)


if __name__ == "__main__":
    app.define_config()
    flags.DEFINE_string("workdir", None, "the folder for the figures", required=True)
    app.run(main)
