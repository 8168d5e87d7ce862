"""The names in a component's folder that are none of diffusers' own."""

from collections.abc import Collection

from sdjax.weights.ldm.pieces import Piece, Pieces
from sdjax.weights.ldm.unet_names import is_ldm_unet, unet_pieces

# How the original code, zero123-hf and threestudio call the layer that joins picture and pose.
PROJECTIONS = ("cc_projection", "projection", "proj")


def folder_pieces(names: Collection[str]) -> Pieces | None:
    """What each tensor is here where `names`, all of a folder's, are others: those of ldm, which
    MVDream's folders have for the UNet, or a projection's in a layer of its own ("proj.weight" is
    "weight").  None where they are as they should be."""
    if is_ldm_unet(names):
        return unet_pieces(names)
    for layer in PROJECTIONS:
        if set(names) == {f"{layer}.weight", f"{layer}.bias"}:
            return {name: [Piece(name.removeprefix(f"{layer}."))] for name in names}
    return None
