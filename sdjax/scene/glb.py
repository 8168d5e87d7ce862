"""A coloured mesh as binary glTF 2.0 (Khronos; chapters 3.6, 3.7, 3.9 and 4.4)."""

import json
import struct
from typing import Any

import numpy as np
from jaxtyping import Float, Int

_FLOAT, _UNSIGNED = 5126, 5125  # component types
_MATERIAL = {
    "name": "vertex colours",
    "pbrMetallicRoughness": {
        "baseColorFactor": [1.0, 1.0, 1.0, 1.0],  # times COLOR_0
        "metallicFactor": 0.0,
        "roughnessFactor": 1.0,
    },
}


def glb(
    vertices: Float[np.ndarray, "v 3"],
    normals: Float[np.ndarray, "v 3"],
    colours: Float[np.ndarray, "v 3"],
    faces: Int[np.ndarray, "f 3"],
) -> bytes:
    """One mesh of one material that does not shine.

    Args:
        vertices: in glTF's axes: y up, the front towards +z.
        normals: unit vectors; without them viewers show facets.
        colours: sRGB from 0 to 1; the file has them in linear light, as glTF asks.
        faces: indices of vertices, anticlockwise seen from outside.
    """
    attributes = {
        "POSITION": np.float32(vertices),
        "NORMAL": np.float32(normals),
        "COLOR_0": np.float32(to_linear(colours)),
    }
    arrays = [*attributes.values(), faces.astype(np.uint32).reshape(-1)]
    primitive = {
        "attributes": {name: i for i, name in enumerate(attributes)},
        "indices": len(attributes),
        "material": 0,
    }
    sizes = [array.nbytes for array in arrays]
    starts = np.cumsum([0, *sizes]).tolist()
    tree = {
        "asset": {"version": "2.0", "generator": "sdjax"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "materials": [_MATERIAL],
        "accessors": [_accessor(i, array) for i, array in enumerate(arrays)],
        "bufferViews": [
            {"buffer": 0, "byteOffset": start, "byteLength": size}
            for start, size in zip(starts, sizes, strict=False)
        ],
        "buffers": [{"byteLength": starts[-1]}],
    }
    return _container(
        tree, b"".join(array.astype(array.dtype.newbyteorder("<")) for array in arrays)
    )


def to_linear(colours: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
    """sRGB values as linear light (IEC 61966-2-1)."""
    return np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)


def _accessor(view: int, array: np.ndarray) -> dict[str, Any]:
    kind = _UNSIGNED if array.ndim == 1 else _FLOAT
    bounds = {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}
    if array.ndim == 1:
        bounds = {name: [value] for name, value in bounds.items()}
    shape = {"count": len(array), "type": "SCALAR" if array.ndim == 1 else "VEC3"}
    return {"bufferView": view, "componentType": kind, **shape, **bounds}


def _container(tree: dict[str, Any], data: bytes) -> bytes:
    """The header and both chunks; `data` are whole words."""
    text = json.dumps(tree, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    chunks = [(b"JSON", text), (b"BIN\0", data)]
    body = b"".join(struct.pack("<I", len(part)) + name + part for name, part in chunks)
    return b"glTF" + struct.pack("<II", 2, 12 + len(body)) + body
