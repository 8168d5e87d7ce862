"""What a configuration must fulfil for its prior, as far as it can be told without loading it."""

from ml_collections import ConfigDict

from sdjax.config.errors import UserError, user_errors


def check_prompt(prompt: str) -> None:
    """Raise a UserError unless the embedded prior knows the prompt."""
    from sdjax.objects.prompts import find

    with user_errors():
        find(prompt)


def check_stable_diffusion(prior: ConfigDict) -> None:
    """Raise a UserError for a checkpoint that is not named, or prompts that cannot be made."""
    from sdjax.runs.build_prior import make_prompting

    if not prior.weights:
        raise UserError(
            "config.prior.weights is empty, expected a folder in diffusers' layout or a hub id "
            "such as 'stable-diffusion-v1-5/stable-diffusion-v1-5'."
        )
    with user_errors():
        make_prompting(prior.prompts)


def check_view_bins(prior: ConfigDict, number: int | None) -> None:
    """Raise a UserError for a number of view bins that Stable Diffusion's prompts cannot have."""
    from sdjax.runs.build_prior import make_prompting
    from sdjax.runs.build_view_bins import prompt_bins

    with user_errors():
        prompt_bins(make_prompting(prior.prompts), number)
