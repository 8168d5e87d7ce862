"""The UNet's tensors: from the names of ldm to those of diffusers.

ldm numbers the blocks through, diffusers by levels: an `op` ends a level on the way down, a
convolution that stands alone one on the way up.

| ldm                                   | diffusers                                          |
|---------------------------------------|----------------------------------------------------|
| time_embed, camera_embed . 0, 2       | time_embedding, camera_embedding . linear_1, _2    |
| input_blocks.0.0                      | conv_in                                            |
| input_blocks.{i}.0, .1                | down_blocks.{level}.resnets.{j}, .attentions.{j}   |
| input_blocks.{i}.0.op                 | down_blocks.{level}.downsamplers.0.conv            |
| middle_block.0, .1, .2                | mid_block.resnets.0, .attentions.0, .resnets.1     |
| output_blocks.{i}.0, .1               | up_blocks.{level}.resnets.{j}, .attentions.{j}     |
| output_blocks.{i}.1.conv or .2.conv   | up_blocks.{level}.upsamplers.0.conv                |
| out.0, out.2                          | conv_norm_out, conv_out                            |
"""

import re
from bisect import bisect_left
from collections.abc import Collection

from sdjax.weights.ldm.pieces import Piece

_OP = re.compile(r"input_blocks\.(\d+)\.0\.op\.")
_UP = re.compile(r"output_blocks\.(\d+)\.[12]\.conv\.")
_DOWN_BLOCK = re.compile(r"input_blocks\.(\d+)\.([01])\.(.+)")
_UP_BLOCK = re.compile(r"output_blocks\.(\d+)\.([012])\.(.+)")
_ALONE = {
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "camera_embed.0": "camera_embedding.linear_1",
    "camera_embed.2": "camera_embedding.linear_2",
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
}
_MIDDLE = {
    "middle_block.0": "mid_block.resnets.0",
    "middle_block.1": "mid_block.attentions.0",
    "middle_block.2": "mid_block.resnets.1",
}
_RESIDUAL = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}


def is_ldm_unet(names: Collection[str]) -> bool:
    """Whether these are the names of ldm."""
    return "input_blocks.0.0.weight" in names


def unet_pieces(names: Collection[str]) -> dict[str, list[Piece]]:
    """By the names of ldm, without `model.diffusion_model.`, what each tensor is in diffusers.

    `names` are all of a network's: its levels follow from them.  An unknown one stays as it is.
    """
    places = _Places(names)
    return {name: [Piece(_renamed(name, places))] for name in names}


class _Places:
    """At which index a level ends, down and up."""

    def __init__(self, names: Collection[str]):
        self.downs = _indices(_OP, names)
        self.ups = _indices(_UP, names)

    def down(self, index: int) -> tuple[int, int]:
        """(level, place in it); index 0 is no block."""
        return _place(index, self.downs, first=1)

    def up(self, index: int) -> tuple[int, int]:
        """(level, place in it), from the coarsest level on."""
        return _place(index, self.ups, first=0)


def _indices(pattern: re.Pattern[str], names: Collection[str]) -> list[int]:
    return sorted({int(match[1]) for name in names if (match := pattern.match(name))})


def _place(index: int, ends: list[int], first: int) -> tuple[int, int]:
    level = bisect_left(ends, index)
    return level, index - (ends[level - 1] + 1 if level else first)


def _renamed(name: str, places: _Places) -> str:
    layer, _, leaf = name.rpartition(".")
    if layer in _ALONE:
        return f"{_ALONE[layer]}.{leaf}"
    for start, block in _MIDDLE.items():
        if name.startswith(f"{start}."):
            return f"{block}.{_inside(name.removeprefix(f'{start}.'))}"
    if match := _DOWN_BLOCK.fullmatch(name):
        return _down(*places.down(int(match[1])), match[2], match[3])
    if match := _UP_BLOCK.fullmatch(name):
        return _up(*places.up(int(match[1])), match[2], match[3])
    return name


def _down(level: int, place: int, which: str, rest: str) -> str:
    if rest.startswith("op."):
        return f"down_blocks.{level}.downsamplers.0.conv.{rest.removeprefix('op.')}"
    return f"down_blocks.{level}.{_kind(which)}.{place}.{_inside(rest)}"


def _up(level: int, place: int, which: str, rest: str) -> str:
    if rest.startswith("conv."):
        return f"up_blocks.{level}.upsamplers.0.{rest}"
    return f"up_blocks.{level}.{_kind(which)}.{place}.{_inside(rest)}"


def _kind(which: str) -> str:
    return "resnets" if which == "0" else "attentions"


def _inside(rest: str) -> str:
    """Of a residual block; a transformer's layers have the same names in both."""
    layer, _, leaf = rest.rpartition(".")
    return f"{_RESIDUAL[layer]}.{leaf}" if layer in _RESIDUAL else rest
