"""Stable Diffusion 1.x and 2.x: its prior, where that comes from, and its settings."""

from collections.abc import Sequence
from typing import Any

from sdjax.config.errors import UserError
from sdjax.config.fields import number, optional, several, text
from sdjax.config.kinds import Table
from sdjax.priors.bins import prompt_bins, spread_bins
from sdjax.priors.checkpoint import load
from sdjax.priors.kind import PriorKind, Wanted
from sdjax.priors.network_fields import COMPUTATION, IMAGE_SIZE
from sdjax.priors.parts import Precision
from sdjax.priors.pipeline import from_pipeline
from sdjax.priors.text_to_image import StableDiffusionPrior
from sdjax.text.views import PROMPTS, prompting_of

__all__ = ["PRIOR", "Precision", "StableDiffusionPrior", "from_pipeline", "load", "prompt_bins"]


def _make(
    wanted: Wanted,
    *,
    weights: str,
    revision: str | None,
    dtype: Any,
    autoencoder_dtype: Any,
    remat: str,
    prompts: Table,
    lora: Sequence[str] | None,
    lora_scale: float,
    **run_fields: int | None,
) -> StableDiffusionPrior:
    """For pictures of `image_size` pixels where a run says so, else for those that are wanted."""
    return load(
        weights,
        revision,
        image_size=run_fields.get("image_size", wanted.resolution),
        precision=Precision(unet=dtype, autoencoder=autoencoder_dtype),
        remat=remat,
        prompting=prompting_of(prompts),
        lora=lora or (),
        lora_scale=lora_scale,
    )


def _check(table: Table, prompt: str) -> None:
    if not table["weights"]:
        raise UserError(
            "config.prior.weights is empty, expected a folder in diffusers' layout or a hub id "
            "such as 'stable-diffusion-v1-5/stable-diffusion-v1-5'."
        )
    prompting_of(table["prompts"])


def _check_run(config: Any) -> None:
    if config.rule.get("ode") != "cached":
        return
    if config.rule.ode_start == "world_map":
        spread_bins(config.rule.ode_bins, config.camera.elevation)
    else:
        prompt_bins(prompting_of(config.prior.prompts), config.rule.ode_bins)


PRIOR = PriorKind(
    "stable_diffusion",
    _make,
    fields={
        "weights": text().of("", "a folder in diffusers' layout, or a hub id"),
        "revision": optional(text()).of(None, "of the hub id"),
        **COMPUTATION,
        "lora": optional(several(text())).of(
            None, "files of LoRA weights, or their folders, that are added to the model's"
        ),
        "lora_scale": number().of(1.0, "by which the LoRA weights are multiplied"),
        "prompts": PROMPTS,
    },
    run_fields=IMAGE_SIZE,
    check=_check,
    check_run=_check_run,
    has_network=True,
)
