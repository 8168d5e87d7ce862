"""How to turn weights that sdjax does not read into ones that it does: a line for the shell."""

import shlex
from pathlib import Path

_SAVE = (
    "import sys, torch; from safetensors.torch import save_file; "
    "d = torch.load(sys.argv[1], map_location='cpu', weights_only={}); "
    "d = d.get('state_dict', d); "
    "save_file({{k: v.clone().contiguous() for k, v in d.items() if torch.is_tensor(v)}}, "
    "sys.argv[2])"
)


def from_pickles(model: str, folder: str) -> str:
    """For a model of the hub or a folder whose weights are pickles; `folder` is the result."""
    return _command("DiffusionPipeline", f"from_pretrained('{model}')", folder)


def from_checkpoint(file: str, folder: str) -> str:
    """For a Stable Diffusion checkpoint in one file."""
    return _command("StableDiffusionPipeline", f"from_single_file('{file}')", folder)


def from_pickle(file: Path) -> str:
    """For an original checkpoint in one file, into safetensors with the same names."""
    target = file.with_suffix(".safetensors")
    condition = "where torch is installed"
    if file.suffix == ".ckpt":
        condition += " and you trust the file"
    return f"{condition} convert it by `{pickle_command(file, target)}` and give '{target}'"


def pickle_command(file: Path, target: Path) -> str:
    """The line for the shell.

    A .ckpt holds objects of its training loop (Lightning) beside tensors, so that more than
    tensors has to be read: that runs what the file says.
    """
    script = _SAVE.format(file.suffix != ".ckpt")
    return f'python -c "{script}" {shlex.quote(str(file))} {shlex.quote(str(target))}'


def _command(pipeline: str, load: str, folder: str) -> str:
    save = f"save_pretrained('{folder}', safe_serialization=True)"
    line = f'python -c "from diffusers import {pipeline} as P; P.{load}.{save}"'
    return f"where torch and diffusers are installed convert it by `{line}` and give '{folder}'"
