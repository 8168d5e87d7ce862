"""The tensors of CLIP's two towers: from OpenAI's (and open_clip's) names to those of transformers.

| OpenAI                                    | transformers                                    |
|-------------------------------------------|-------------------------------------------------|
| positional_embedding                      | embeddings.position_embedding.weight            |
| token_embedding.weight (text)             | embeddings.token_embedding.weight               |
| class_embedding, conv1 (image)            | embeddings.class_embedding, .patch_embedding    |
| ln_pre, ln_post (image), ln_final (text)  | pre_layrnorm, post_layernorm, final_layer_norm  |
| transformer.resblocks.{i}                 | encoder.layers.{i}                              |
| attn.in_proj_{weight, bias}               | self_attn.{q, k, v}_proj.{weight, bias}: thirds |
| attn.out_proj, ln_1, ln_2                 | self_attn.out_proj, layer_norm1, layer_norm2    |
| mlp.c_fc, mlp.c_proj                      | mlp.fc1, mlp.fc2                                |
| proj (image)                              | visual_projection.weight, transposed            |
"""

import re
from collections.abc import Collection

from sdjax.weights.ldm.pieces import Piece, key, query, transposed, value

_BLOCK = re.compile(r"transformer\.resblocks\.(\d+)\.(.+)")
_IN = re.compile(r"attn\.in_proj_(weight|bias)")
_IN_A_BLOCK = {
    "attn.out_proj": "self_attn.out_proj",
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_IMAGE = {
    "class_embedding": "embeddings.class_embedding",
    "positional_embedding": "embeddings.position_embedding.weight",
    "conv1.weight": "embeddings.patch_embedding.weight",
    "ln_pre.weight": "pre_layrnorm.weight",
    "ln_pre.bias": "pre_layrnorm.bias",
    "ln_post.weight": "post_layernorm.weight",
    "ln_post.bias": "post_layernorm.bias",
}
_TEXT = {
    "positional_embedding": "embeddings.position_embedding.weight",
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
_BESIDE = ("text_projection", "logit_scale", "attn_mask", "visual.")  # in a whole CLIP


def image_pieces(names: Collection[str]) -> dict[str, list[Piece]]:
    """By OpenAI's names, without `visual.`, what each tensor of the image tower is in transformers.

    An unknown one stays as it is.
    """
    pieces = {name: _pieces(name, "vision_model", _IMAGE) for name in names}
    if "proj" in pieces:
        pieces["proj"] = [Piece("visual_projection.weight", transposed)]
    return pieces


def text_pieces(names: Collection[str]) -> dict[str, list[Piece]]:
    """By open_clip's names, what each tensor of the text tower is in transformers.

    The last block is left out: Stable Diffusion 2.x reads the penultimate one through `ln_final`,
    and its folders hold the blocks up to that.  So is what is not of the tower.
    """
    last = max((int(match[1]) for name in names if (match := _BLOCK.match(name))), default=-1)
    unused = (f"transformer.resblocks.{last}.", *_BESIDE)
    kept = (name for name in names if not name.startswith(unused))
    return {name: _pieces(name, "text_model", _TEXT) for name in kept}


def _pieces(name: str, tower: str, alone: dict[str, str]) -> list[Piece]:
    if name in alone:
        return [Piece(f"{tower}.{alone[name]}")]
    block = _BLOCK.fullmatch(name)
    if block is None:
        return [Piece(name)]
    inside = f"{tower}.encoder.layers.{block[1]}"
    if joined := _IN.fullmatch(block[2]):
        thirds = (("q", query), ("k", key), ("v", value))
        return [Piece(f"{inside}.self_attn.{one}_proj.{joined[1]}", take) for one, take in thirds]
    layer, _, leaf = block[2].rpartition(".")
    return [Piece(f"{inside}.{_IN_A_BLOCK[layer]}.{leaf}" if layer in _IN_A_BLOCK else name)]
