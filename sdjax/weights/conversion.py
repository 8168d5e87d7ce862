"""How to turn weights that sdjax does not read into ones that it does: a line for the shell."""


def from_pickles(model: str, folder: str) -> str:
    """For a model of the hub or a folder whose weights are pickles; `folder` is the result."""
    return _command("DiffusionPipeline", f"from_pretrained('{model}')", folder)


def from_checkpoint(file: str, folder: str) -> str:
    """For a Stable Diffusion checkpoint in one file."""
    return _command("StableDiffusionPipeline", f"from_single_file('{file}')", folder)


def _command(pipeline: str, load: str, folder: str) -> str:
    save = f"save_pretrained('{folder}', safe_serialization=True)"
    line = f'python -c "from diffusers import {pipeline} as P; P.{load}.{save}"'
    return f"where torch and diffusers are installed convert it by `{line}` and give '{folder}'"
