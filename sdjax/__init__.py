"""Score distillation in JAX.

    import sdjax as sd

    prior = sd.embedded_prior("a mug", resolution=32)       # or sd.stable_diffusion.load(...)
    rule = sd.dsd(prior.schedule)                           # or sd.sds, sd.sdi, sd.fsd, ...
    loss = sd.guidance_loss(rule)                           # jax.grad of it is the rule

Everything is imported when it is first asked for: `import sdjax` itself imports nothing.
"""

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdjax import cameras as cameras
    from sdjax.cameras import Camera as Camera
    from sdjax.compare import compare as compare
    from sdjax.config.errors import UserError as UserError
    from sdjax.diffusion import annealing as annealing
    from sdjax.diffusion import ddim as ddim
    from sdjax.diffusion.ramps import ramp as ramp
    from sdjax.export import export as export
    from sdjax.priors import mvdream as mvdream
    from sdjax.priors import stable_diffusion as stable_diffusion
    from sdjax.priors import zero123 as zero123
    from sdjax.priors.embedded import bank_cameras as bank_cameras
    from sdjax.priors.embedded import embedded_prior as embedded_prior
    from sdjax.rules import noise as noise
    from sdjax.rules import rescaling as rescaling
    from sdjax.rules import view_bins as view_bins
    from sdjax.rules import weighting as weighting
    from sdjax.rules.asd import asd as asd
    from sdjax.rules.cached_ode import cached_ode as cached_ode
    from sdjax.rules.cfd import cfd as cfd
    from sdjax.rules.consistent3d import consistent3d as consistent3d
    from sdjax.rules.contract import Rule as Rule
    from sdjax.rules.contract import View as View
    from sdjax.rules.contract import guidance_loss as guidance_loss
    from sdjax.rules.csd import csd as csd
    from sdjax.rules.dsd import dsd as dsd
    from sdjax.rules.dsd_star import dsd_star as dsd_star
    from sdjax.rules.fsd import fsd as fsd
    from sdjax.rules.hifa import hifa as hifa
    from sdjax.rules.ism import ism as ism
    from sdjax.rules.nfsd import nfsd as nfsd
    from sdjax.rules.ode import simulated_ode as simulated_ode
    from sdjax.rules.rescaling import rescaled as rescaled
    from sdjax.rules.sdi import sdi as sdi
    from sdjax.rules.sds import sds as sds
    from sdjax.rules.sjc import sjc as sjc
    from sdjax.rules.vsd.exact import exact_vsd as exact_vsd
    from sdjax.rules.vsd.learned import vsd as vsd
    from sdjax.sample import sample as sample
    from sdjax.scene.fields.dense_grid import DenseGrid as DenseGrid
    from sdjax.scene.fields.hash_grid import HashGrid as HashGrid
    from sdjax.scene.fields.mlp import MLP as MLP
    from sdjax.scene.nerf import NeRF as NeRF
    from sdjax.train import train as train

_RULES = (
    "asd", "cfd", "consistent3d", "csd", "dsd", "dsd_star", "fsd", "hifa", "ism", "nfsd", "sdi",
    "sds", "sjc",
)  # fmt: skip
_MODULES = {
    "annealing": "sdjax.diffusion.annealing",
    "cameras": "sdjax.cameras",
    "ddim": "sdjax.diffusion.ddim",
    "mvdream": "sdjax.priors.mvdream",
    "noise": "sdjax.rules.noise",
    "rescaling": "sdjax.rules.rescaling",
    "stable_diffusion": "sdjax.priors.stable_diffusion",
    "view_bins": "sdjax.rules.view_bins",
    "weighting": "sdjax.rules.weighting",
    "zero123": "sdjax.priors.zero123",
}
_COMMANDS = ("train", "sample", "export", "compare")  # functions in modules of their names
_MEMBERS = {
    **{name: f"sdjax.rules.{name}" for name in _RULES},
    **{name: f"sdjax.{name}" for name in _COMMANDS},
    "vsd": "sdjax.rules.vsd.learned",
    "exact_vsd": "sdjax.rules.vsd.exact",
    **dict.fromkeys(("Rule", "View", "guidance_loss"), "sdjax.rules.contract"),
    "simulated_ode": "sdjax.rules.ode",
    "cached_ode": "sdjax.rules.cached_ode",
    "rescaled": "sdjax.rules.rescaling",
    "ramp": "sdjax.diffusion.ramps",
    "Camera": "sdjax.cameras",
    "UserError": "sdjax.config.errors",
    **dict.fromkeys(("embedded_prior", "bank_cameras"), "sdjax.priors.embedded"),
    "DenseGrid": "sdjax.scene.fields.dense_grid",
    "HashGrid": "sdjax.scene.fields.hash_grid",
    "MLP": "sdjax.scene.fields.mlp",
    "NeRF": "sdjax.scene.nerf",
}
__all__ = sorted([*_MODULES, *_MEMBERS])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name not in _MEMBERS:
        raise AttributeError(f"module 'sdjax' has no attribute {name!r}")
    value = vars(importlib.import_module(_MEMBERS[name]))[name]
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _FrontDoor(types.ModuleType):
    """`sdjax.train` is the function, also when the module of that name has been imported: use
    `from sdjax.train import ...` for what else is in there."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _COMMANDS and isinstance(value, types.ModuleType):
            value = vars(value).get(name, value)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _FrontDoor
