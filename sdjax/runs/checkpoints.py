"""Checkpoints of a run: written beside the training, kept in pairs, whole or absent."""

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from sdjax.config.errors import UserError


class Checkpoints:
    """The last checkpoints of a run in one folder, as `<folder>/<step>/` (orbax-checkpoint).

    Leaves are stored as whole arrays under the names of their paths in the tree
    (`params.density`), so a checkpoint does not know how many devices wrote it.  Random keys
    are not stored: they are derived from the step.  Several processes share the folder and call
    `save` and `restore_latest` together; each writes the parts that lie on its devices.

    Args:
        folder: made if it does not exist.
        keep: how many checkpoints stay; older ones are removed once a newer one is complete.
    """

    def __init__(self, folder: str | Path, keep: int = 2):
        import orbax.checkpoint as ocp

        self._folder = Path(folder).absolute()
        self._arguments = ocp.args
        self._manager = ocp.CheckpointManager(
            self._folder, options=ocp.CheckpointManagerOptions(max_to_keep=keep)
        )

    def save(self, step: int, tree: PyTree) -> None:
        """Copies the arrays of `tree` to the host and writes them in the background.

        A checkpoint appears under its name when it is complete: a process killed while
        writing leaves the former ones valid.

        Args:
            step: how many steps are done, greater than that of every checkpoint so far.
            tree: any pytree of arrays and numbers.
        """
        leaves = {name: _to_host(leaf) for name, leaf in _named_leaves(tree) if np.size(leaf)}
        item = self._arguments.StandardSave(leaves)
        self._manager.save(step, args=self._arguments.Composite(tree=item))

    def restore_latest(self, template: Callable[[int], PyTree]) -> tuple[int, Any] | None:
        """The newest whole checkpoint as `(step, tree)`, or None where there is none.

        A damaged checkpoint is set aside as `<step>.damaged` with a warning, and the one
        before it is taken.

        Args:
            template: from a step to a pytree of arrays or `jax.ShapeDtypeStruct`s as `save` was
                given at that step; the result has its structure, with numpy arrays as leaves.

        Raises:
            ValueError: if a leaf's name, shape or dtype is not the template's, or if there
                are checkpoints and all of them are damaged.
        """
        self._manager.wait_until_finished()
        steps = sorted(self._manager.all_steps(), reverse=True)
        for step in steps:
            try:
                leaves = self._read(step)
            except Exception as error:  # orbax and tensorstore raise many kinds
                self._set_aside(step, error)
            else:
                return step, _fit(leaves, template(step), self._folder / str(step))
        if steps:
            raise UserError(
                f"Every checkpoint in {self._folder} is damaged; remove that folder to start again."
            )
        return None

    def close(self) -> None:
        """Waits until everything is written."""
        self._manager.wait_until_finished()
        self._manager.close()

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, step: int) -> dict[str, np.ndarray]:
        """Whole, whatever devices wrote the parts."""
        import orbax.checkpoint as ocp

        folder, handler = self._folder / str(step) / "tree", ocp.PyTreeCheckpointHandler()
        as_numpy = ocp.RestoreArgs(restore_type=np.ndarray)
        kinds = dict.fromkeys(handler.metadata(folder).tree, as_numpy)
        return handler.restore(folder, args=self._arguments.PyTreeRestore(restore_args=kinds))

    def _set_aside(self, step: int, error: Exception) -> None:
        damaged = self._folder / f"{step}.damaged"
        reason = " ".join(str(error).split())[:200]
        warnings.warn(
            f"The checkpoint of step {step} is damaged and was moved to {damaged} ({reason}).",
            stacklevel=3,
        )
        if jax.process_index() == 0:
            shutil.rmtree(damaged, ignore_errors=True)
            (self._folder / str(step)).rename(damaged)
        self._manager.reload()


def _named_leaves(tree: PyTree) -> list[tuple[str, Any]]:
    paths, _ = jax.tree.flatten_with_path(tree)
    return [(jax.tree_util.keystr(path, simple=True, separator="."), leaf) for path, leaf in paths]


def _to_host(leaf: Any) -> np.ndarray | jax.Array:
    """A copy, because the buffer behind `leaf` may be donated while the copy is written; of an
    array over several processes orbax makes it, each process of its parts."""
    if isinstance(leaf, jax.Array) and not (leaf.is_fully_addressable or leaf.is_fully_replicated):
        return leaf
    return np.array(leaf)


def _fit(leaves: dict[str, np.ndarray], template: PyTree, where: Path) -> Any:
    """`leaves` in the structure of `template`; empty arrays, which are not stored, are made."""
    expected = dict(_named_leaves(template))
    stored_names = [name for name, leaf in expected.items() if np.size(leaf)]
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
