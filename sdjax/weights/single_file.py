"""An original checkpoint of MVDream or Zero-1-to-3: all parts in one safetensors file.

| part          | its tensors in the file                                              |
|---------------|----------------------------------------------------------------------|
| unet          | model.diffusion_model.                                               |
| vae           | first_stage_model.                                                   |
| text_encoder  | cond_stage_model.model. (open_clip) or cond_stage_model.transformer. |
| image_encoder | cond_stage_model.model.visual.                                       |
| projection    | cc_projection.                                                       |

Whatever else is there, such as the schedule's buffers, is ignored.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from sdjax.config.errors import UserError
from sdjax.files.plain_files import plain_file
from sdjax.networks.configuration import Fields
from sdjax.weights.choice import PICKLES
from sdjax.weights.conversion import from_pickle
from sdjax.weights.layout import is_parameter
from sdjax.weights.ldm import inferred
from sdjax.weights.ldm.autoencoder_names import autoencoder_pieces
from sdjax.weights.ldm.beside import fields_beside
from sdjax.weights.ldm.clip_names import image_pieces, text_pieces
from sdjax.weights.ldm.pieces import Piece, Pieces, in_pieces, shapes_of_pieces
from sdjax.weights.ldm.unet_names import unet_pieces
from sdjax.weights.load import Params, check_shapes, params_of
from sdjax.weights.safetensors_files import (
    Shape,
    safetensors_names,
    safetensors_shapes,
    safetensors_tensors,
)

Part = Literal["unet", "vae", "text_encoder", "image_encoder", "projection"]

_UNET = "model.diffusion_model."
_AVERAGE = "model_ema.diffusion_model"  # of the UNet's tensors, without the dots of their names


def _unchanged(names: Collection[str]) -> Pieces:
    return {name: [Piece(name)] for name in names}


class _Layout(NamedTuple):
    """How a file has a part: the start of its names, one that has to be there, the new names."""

    prefix: str
    sign: str
    pieces: Callable[[Collection[str]], Pieces]


_OPEN_CLIP = _Layout("cond_stage_model.model.", "transformer.resblocks.0.ln_1.weight", text_pieces)
_LAYOUTS: Mapping[str, tuple[_Layout, ...]] = {
    "unet": (_Layout(_UNET, "input_blocks.0.0.weight", unet_pieces),),
    "vae": (_Layout("first_stage_model.", "encoder.conv_in.weight", autoencoder_pieces),),
    "text_encoder": (
        _OPEN_CLIP,
        _Layout(
            "cond_stage_model.transformer.",
            "text_model.embeddings.token_embedding.weight",
            _unchanged,
        ),
    ),
    "image_encoder": (_Layout("cond_stage_model.model.visual.", "conv1.weight", image_pieces),),
    "projection": (_Layout("cc_projection.", "weight", _unchanged),),
}


class SingleFile:
    """The parts of an original checkpoint at `path`, under the names of diffusers and transformers
    (those of a projection are "weight" and "bias").

    With `average`, a UNet whose moving average over the training is in the file too
    (`model_ema.`) is that, as the official samplers of Zero-1-to-3 have it.
    UserError, one sentence, for a file that is missing, damaged, a pickle (with the command that
    converts it) or without a UNet of this layout.
    """

    def __init__(self, path: str | Path, *, average: bool = False):
        self.path = _checked(Path(path).expanduser())
        self.average = average
        self._names = frozenset(safetensors_names([self.path]))
        self._layout("unet")

    def fields(self, part: Part) -> Fields:
        """The fields of the part's config.json, as from a JSON file beside the checkpoint
        (`sdjax.weights.ldm.beside`), else from its shapes (`sdjax.weights.ldm.inferred`).

        A UNet's are diffusers', or ldm's if they are from such a file.
        UserError if the part is missing, or if no shape shows how many heads it has.
        """
        layout = self._layout(part)
        if part in self._beside:
            return self._beside[part]
        shapes = self.shapes(part)
        if part == "unet":
            return inferred.unet_fields(shapes)
        if part == "vae":
            return inferred.autoencoder_fields(shapes)
        if part == "text_encoder":
            return inferred.text_fields(shapes, open_clip=layout is _OPEN_CLIP)
        if part == "image_encoder":
            return inferred.image_fields(shapes)
        return inferred.projection_fields(shapes)

    def shapes(self, part: Part) -> dict[str, Shape]:
        """The shape of each tensor of a part; UserError if it is missing or quantised."""
        pieces = self._pieces(part)
        return shapes_of_pieces(safetensors_shapes([self.path], pieces.__contains__), pieces)

    def tensors(self, part: Part) -> Iterator[tuple[str, np.ndarray]]:
        """(name, array) of each tensor of a part, in the dtype of the file; about one is held."""
        pieces = self._pieces(part)
        yield from in_pieces(safetensors_tensors([self.path], pieces.__contains__), pieces)

    def params(self, part: Part, template: Params, dtype: Any = None) -> dict[str, Any]:
        """The parameters of a part in the nesting of `template`; as `load.load_params`."""
        check_shapes(template, self.shapes(part), self.source(part))
        return params_of(template, self.tensors(part), self.source(part), dtype)

    def source(self, part: Part) -> str:
        """The subject of a sentence about a part."""
        return f"The {part} in '{self.path}'"

    @cached_property
    def _beside(self) -> dict[str, Fields]:
        return fields_beside(self.path)

    def _layout(self, part: Part) -> _Layout:
        for layout in _LAYOUTS[part]:
            if layout.prefix + layout.sign in self._names:
                return layout
        starts = " or ".join(f"{layout.prefix}*" for layout in _LAYOUTS[part])
        raise UserError(
            f"'{self.path}' holds no {part} of an original checkpoint (tensors {starts}); give a "
            "checkpoint of MVDream or Zero-1-to-3 in one file, or a folder in the layout of "
            "diffusers."
        )

    def _pieces(self, part: Part) -> Pieces:
        """By the names of the file."""
        prefix, _, renamed = self._layout(part)
        inside = [name.removeprefix(prefix) for name in self._names if name.startswith(prefix)]
        pieces = renamed([name for name in inside if is_parameter(name)])
        if part == "unet" and self.average:
            return {self._averaged(name): of_it for name, of_it in pieces.items()}
        return {prefix + name: of_it for name, of_it in pieces.items()}

    def _averaged(self, name: str) -> str:
        average = f"{_AVERAGE}{name.replace('.', '')}"
        return average if average in self._names else _UNET + name


def _checked(path: Path) -> Path:
    plain_file(path, "a checkpoint in one .safetensors file")
    if path.suffix in PICKLES:
        convert = from_pickle(path)
        raise UserError(f"'{path}' is a pickle, which may run any code when read; {convert}.")
    return path
