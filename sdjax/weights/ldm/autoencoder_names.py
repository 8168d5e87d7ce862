"""The autoencoder's tensors: from the names of ldm's first stage to those of diffusers.

| ldm                            | diffusers                                             |
|--------------------------------|-------------------------------------------------------|
| encoder.down.{i}.block.{j}     | encoder.down_blocks.{i}.resnets.{j}                   |
| encoder.down.{i}.downsample    | encoder.down_blocks.{i}.downsamplers.0                |
| decoder.up.{i}.block.{j}       | decoder.up_blocks.{levels - 1 - i}.resnets.{j}        |
| decoder.up.{i}.upsample        | decoder.up_blocks.{levels - 1 - i}.upsamplers.0       |
| mid.block_1, .attn_1, .block_2 | mid_block.resnets.0, .attentions.0, .resnets.1        |
| nin_shortcut, norm_out         | conv_shortcut, conv_norm_out                          |
| attn_1.norm, .q, .k, .v        | group_norm, to_q, to_k, to_v (matrices)               |
| attn_1.proj_out                | to_out.0 (a matrix)                                   |
"""

import re
from collections.abc import Collection

from sdjax.weights.ldm.pieces import Piece, itself, matrix

_UP = re.compile(r"decoder\.up\.(\d+)\.")
_CHANGES = (
    (re.compile(r"encoder\.down\.(\d+)\.block\."), r"encoder.down_blocks.\1.resnets."),
    (re.compile(r"encoder\.down\.(\d+)\.downsample\."), r"encoder.down_blocks.\1.downsamplers.0."),
    (re.compile(r"(decoder\.up_blocks\.\d+)\.block\."), r"\1.resnets."),
    (re.compile(r"(decoder\.up_blocks\.\d+)\.upsample\."), r"\1.upsamplers.0."),
    (re.compile(r"\.mid\.block_1\."), ".mid_block.resnets.0."),
    (re.compile(r"\.mid\.block_2\."), ".mid_block.resnets.1."),
    (re.compile(r"\.mid\.attn_1\.norm\."), ".mid_block.attentions.0.group_norm."),
    (re.compile(r"\.mid\.attn_1\.([qkv])\."), r".mid_block.attentions.0.to_\1."),
    (re.compile(r"\.mid\.attn_1\.proj_out\."), ".mid_block.attentions.0.to_out.0."),
    (re.compile(r"\.nin_shortcut\."), ".conv_shortcut."),
    (re.compile(r"coder\.norm_out\."), "coder.conv_norm_out."),
)
_MATRIX = re.compile(r".*\.attentions\.0\.to_.*\.weight")


def autoencoder_pieces(names: Collection[str]) -> dict[str, list[Piece]]:
    """By the names of ldm, without `first_stage_model.`, what each tensor is in diffusers.

    `names` are all of a network's; an unknown one stays as it is.
    """
    levels = 1 + max((int(match[1]) for name in names if (match := _UP.match(name))), default=-1)
    return {name: [_piece(name, levels)] for name in names}


def _piece(name: str, levels: int) -> Piece:
    new = _UP.sub(lambda match: f"decoder.up_blocks.{levels - 1 - int(match[1])}.", name)
    for pattern, replacement in _CHANGES:
        new = pattern.sub(replacement, new)
    return Piece(new, matrix if _MATRIX.fullmatch(new) else itself)
