"""Binary glTF by its specification."""

import json
import struct

import numpy as np
import trimesh

from sdjax.scene.glb import glb, to_linear
from sdjax.scene.mesh import save_mesh

GREY = np.full((3, 3), 0.5)
CORNERS, FACES = np.eye(3), np.array([[0, 1, 2]])
NORMALS = np.full((3, 3), 3**-0.5)


def chunks(stored):
    """The tree and the data."""
    magic, version, length = struct.unpack("<4sII", stored[:12])
    assert (magic, version, length) == (b"glTF", 2, len(stored))
    size, kind = struct.unpack("<I4s", stored[12:20])
    assert kind == b"JSON" and size % 4 == 0
    rest = stored[20 + size :]
    assert struct.unpack("<I4s", rest[:8]) == (len(rest) - 8, b"BIN\0")
    return json.loads(stored[20 : 20 + size]), rest[8:]


def test_what_is_stored_is_what_was_given():
    tree, data = chunks(glb(CORNERS, NORMALS, GREY, FACES))
    (primitive,) = tree["meshes"][0]["primitives"]
    places = [*primitive["attributes"].values(), primitive["indices"]]
    stored = []
    for place in places:
        accessor = tree["accessors"][place]
        view = tree["bufferViews"][accessor["bufferView"]]
        dtype = {5126: "<f4", 5125: "<u4"}[accessor["componentType"]]
        values = np.frombuffer(data, dtype, view["byteLength"] // 4, view["byteOffset"])
        stored.append(values.reshape(accessor["count"], -1))
        np.testing.assert_array_equal(stored[-1].min(axis=0), accessor["min"])
        np.testing.assert_array_equal(stored[-1].max(axis=0), accessor["max"])
    for found, given in zip(stored, (CORNERS, NORMALS, to_linear(GREY)), strict=False):
        np.testing.assert_allclose(found, given, atol=1e-7)
    assert stored[3].ravel().tolist() == [0, 1, 2]
    assert tree["buffers"] == [{"byteLength": len(data)}]


def test_linear_light():
    values = to_linear(np.array([0.0, 0.04045, 0.5, 1.0]))
    np.testing.assert_allclose(values, [0.0, 0.0031308, 0.21404, 1.0], atol=1e-5)


def test_a_vertex_without_area_has_a_normal(tmp_path):
    flat = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]], process=False)
    save_mesh(flat, tmp_path / "flat.glb")
    tree, data = chunks((tmp_path / "flat.glb").read_bytes())
    start = tree["bufferViews"][1]["byteOffset"]
    normals = np.frombuffer(data, "<f4", 9, start).reshape(3, 3)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)
