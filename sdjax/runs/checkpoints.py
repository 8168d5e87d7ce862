"""Checkpoints of a run: written beside the training, kept in pairs, whole or absent."""

import shutil
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from sdjax.config.errors import UserError
from sdjax.runs import seals
from sdjax.runs.named_leaves import fit, named_leaves, part_of
from sdjax.runs.system_errors import check_readable, explained

TREE = "tree"  # the folder of a checkpoint that holds the arrays


class Checkpoints:
    """The last checkpoints of a run in one folder, as `<folder>/<step>/` (orbax-checkpoint).

    Leaves are stored as whole arrays under the names of their paths in the tree
    (`params.density`), so a checkpoint does not know how many devices wrote it.  Random keys
    are not stored: they are derived from the step.  Several processes share the folder and call
    `save` and `restore_latest` together; each writes the parts that lie on its devices.

    Each carries the configuration of its run and a hash of its arrays (`sdjax.runs.seals`), so that
    one of another run is refused and a bit that has flipped is noticed.

    Args:
        folder: made if it does not exist.
        keep: how many checkpoints stay; older ones are removed once a newer one is complete.
        config: of the run, of a kind that JSON knows.
        check: called with the configuration that a checkpoint carries and the checkpoint's name;
            raises a UserError where that is another run's.
        read_only: nothing is written, and damaged checkpoints stay where they are: for those who
            look at a run that may be going on.

    Raises:
        UserError: where the folder cannot be made.
    """

    def __init__(
        self,
        folder: str | Path,
        keep: int = 2,
        config: Mapping[str, Any] | None = None,
        check: Callable[[Any, str], None] = lambda stored, where: None,
        *,
        read_only: bool = False,
    ):
        import orbax.checkpoint as ocp

        self._folder = Path(folder).absolute()
        self._arguments, self._config, self._check = ocp.args, config, check
        self._read_only = read_only
        if self._folder.exists() and not self._folder.is_dir():
            raise UserError(f"{self._folder} is no folder, expected that of the run's checkpoints.")
        with explained(f"The folder of checkpoints {self._folder}"):
            if not read_only:
                self._folder.mkdir(parents=True, exist_ok=True)
            self._manager = ocp.CheckpointManager(
                self._folder,
                options=ocp.CheckpointManagerOptions(max_to_keep=keep, read_only=read_only),
            )
        self._former_hook, sys.unraisablehook = sys.unraisablehook, self._hook

    def save(self, step: int, tree: PyTree) -> None:
        """Copies the arrays of `tree` to the host and writes them in the background.

        A checkpoint appears under its name when it is complete: a process killed while
        writing leaves the former ones valid.

        Args:
            step: how many steps are done, greater than that of every checkpoint so far.
            tree: any pytree of arrays and numbers.

        Raises:
            UserError: where this one, or the one before, cannot be written.
        """
        leaves = {name: _to_host(leaf) for name, leaf in named_leaves(tree) if np.size(leaf)}
        items = {
            TREE: self._arguments.StandardSave(leaves),
            seals.ITEM: self._arguments.JsonSave(seals.seal(leaves, self._config, step)),
        }
        with explained(f"A checkpoint in {self._folder}"):
            self._manager.save(step, args=self._arguments.Composite(**items))

    def restore_latest(
        self, template: Callable[[int], PyTree], part: str = ""
    ) -> tuple[int, Any] | None:
        """The newest whole checkpoint as `(step, tree)`, or None where there is none.

        A damaged checkpoint is set aside as `<step>.damaged` with a warning, and the one
        before it is taken.

        Args:
            template: from a step to a pytree of arrays or `jax.ShapeDtypeStruct`s as `save` was
                given at that step; the result has its structure, with numpy arrays as leaves.
            part: the name of a field of the tree ("params") that alone is wanted, and of which
                `template` is then; all if empty.

        Raises:
            UserError: if the checkpoint is of another run, if a leaf's name, shape or dtype is not
                the template's, or if there are checkpoints and all of them are damaged.
        """
        self.wait()
        steps = sorted(self._manager.all_steps(), reverse=True)
        for step in steps:
            try:
                config, leaves = self._read(step)
            except Exception as error:  # orbax and tensorstore raise many kinds
                check_readable(error, self._folder / str(step))
                self._set_aside(step, error)
            else:
                where = self._folder / str(step)
                if config is not None:
                    self._check(config, f"The checkpoint {where}")
                return step, fit(part_of(leaves, part), template(step), where)
        if steps or any(self._folder.glob("*.damaged")):
            raise UserError(
                f"Every checkpoint in {self._folder} is damaged; remove that folder to start again."
            )
        return None

    def wait(self) -> None:
        """Waits until everything is written; raises a UserError where it cannot be."""
        with explained(f"A checkpoint in {self._folder}"):
            self._manager.wait_until_finished()

    def close(self) -> None:
        """Waits until everything is written; raises a UserError where it cannot be."""
        try:
            self.wait()
            self._manager.close()
        finally:
            sys.unraisablehook = self._former_hook

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hook(self, raised: Any) -> None:
        """Where one write fails, tensorstore's threads print that they cannot report the others."""
        if str(raised.exc_value) != "Event loop is closed":
            self._former_hook(raised)

    def _read(self, step: int) -> tuple[Any, dict[str, np.ndarray]]:
        """The configuration, and the leaves: whole, whatever devices wrote the parts."""
        seal = seals.read_seal(self._folder / str(step))
        leaves = self._leaves(self._folder / str(step) / TREE)
        if seal is None:
            return None, leaves
        if name := seals.damaged(seal, leaves):
            raise ValueError(f"'{name}' is not what was saved")
        return seal.get("config"), leaves

    def _leaves(self, folder: Path) -> dict[str, np.ndarray]:
        import orbax.checkpoint as ocp

        handler = ocp.PyTreeCheckpointHandler()
        as_numpy = ocp.RestoreArgs(restore_type=np.ndarray)
        kinds = dict.fromkeys(handler.metadata(folder).tree, as_numpy)
        return handler.restore(folder, args=self._arguments.PyTreeRestore(restore_args=kinds))

    def _set_aside(self, step: int, error: Exception) -> None:
        damaged = self._folder / f"{step}.damaged"
        reason = " ".join(str(error).split())[:200]
        if self._read_only:
            warnings.warn(f"The checkpoint of step {step} is damaged ({reason}).", stacklevel=3)
            return
        warnings.warn(
            f"The checkpoint of step {step} is damaged and was moved to {damaged} ({reason}).",
            stacklevel=3,
        )
        if jax.process_index() == 0:
            shutil.rmtree(damaged, ignore_errors=True)
            (self._folder / str(step)).rename(damaged)
        self._manager.reload()


def _to_host(leaf: Any) -> np.ndarray | jax.Array:
    """A copy, because the buffer behind `leaf` may be donated while the copy is written; of an
    array over several processes orbax makes it, each process of its parts."""
    if isinstance(leaf, jax.Array) and not (leaf.is_fully_addressable or leaf.is_fully_replicated):
        return leaf
    return np.array(leaf)
