"""The leaves of a tree by the names of their paths, as a checkpoint has them."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from sdjax.config.errors import UserError

ADDED = {"failure.step": -1, "failure.term": -1}  # leaves that came later: what they were before


def named_leaves(tree: PyTree) -> list[tuple[str, Any]]:
    """Such as ("params.density", array)."""
    paths, _ = jax.tree.flatten_with_path(tree)
    return [(jax.tree_util.keystr(path, simple=True, separator="."), leaf) for path, leaf in paths]


def part_of(leaves: dict[str, np.ndarray], part: str) -> dict[str, np.ndarray]:
    """Those under one field, by the rest of their names."""
    start = f"{part}." if part else ""
    return {name[len(start) :]: leaf for name, leaf in leaves.items() if name.startswith(start)}


def fit(leaves: dict[str, np.ndarray], template: PyTree, where: Path) -> Any:
    """`leaves` in the structure of `template`; empty arrays, which are not stored, are made."""
    expected = dict(named_leaves(template))
    stored_names = [name for name, leaf in expected.items() if np.size(leaf)]
    for name in (name for name in ADDED if name in expected and name not in leaves):
        leaves[name] = np.full(expected[name].shape, ADDED[name], expected[name].dtype)
    for name in [*stored_names, *leaves]:
        found, wanted = (_describe(tree.get(name)) for tree in (leaves, expected))
        if found != wanted:
            raise UserError(f"The checkpoint {where} has {found} at '{name}', expected {wanted}.")
    arrays = [
        leaves[name] if name in leaves else np.zeros(leaf.shape, leaf.dtype)
        for name, leaf in expected.items()
    ]
    return jax.tree.unflatten(jax.tree.structure(template), arrays)


def _describe(leaf: Any) -> str:
    if leaf is None:
        return "nothing"
    array = leaf if hasattr(leaf, "dtype") else np.asarray(leaf)
    return f"{array.dtype}{list(array.shape)}"
