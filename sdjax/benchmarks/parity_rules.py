"""One step of every rule on recorded draws: its residual beside that of the official code.

The rules ran on a toy in place of a network (`parity_recordings.toy_prediction`), mostly with
Perp-Neg; MVDream's and Zero-1-to-3's guidance is SDS on predictors of their own.  NFSD, DSD* and
VSD with the exact score have no recording.
"""

from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from sdjax.benchmarks import parity_residuals as residuals
from sdjax.benchmarks.parity_recordings import channels_last, first_sample, recorded, schedule_of
from sdjax.benchmarks.parity_residuals import Residual, noised
from sdjax.rules.fsd import fsd_residual
from sdjax.rules.sds import sds_residual
from sdjax.rules.sjc import sjc_residual
from sdjax.rules.weighting import sigma_over_alpha


class RuleCheck(NamedTuple):
    """A residual of ours, and the recording that it is held against."""

    file: str
    case: str
    residual: Residual
    expected: str = "grad"  # the recorded gradient
    schedule: str = "ddim"  # the file of its schedule
    inputs: str | None = None  # a case whose arrays belong to it
    of_batch: bool = False  # else of the first sample, as each particle has a timestep of its own


def compared(check: RuleCheck, folder: Path) -> tuple[jax.Array, np.ndarray]:
    """Our gradient and the recorded one."""
    arrays = recorded(folder, check.file, check.case)
    if check.inputs is not None:
        arrays = {**recorded(folder, check.file, check.inputs), **arrays}
    if not check.of_batch:
        arrays = first_sample(arrays)
    found = jax.jit(lambda schedule: check.residual(schedule, arrays))(
        schedule_of(folder, check.schedule)
    )
    return found, channels_last(arrays[check.expected])


def of_views(file: str, case: str, residual: Residual) -> RuleCheck:
    """A check of a prior of several views, whose file has its inputs and schedule once."""
    return RuleCheck(file, case, residual, "dloss_dlatents", file, "inputs", of_batch=True)


FSD = noised(fsd_residual, weighting=sigma_over_alpha)  # with CFD's weight
MVDREAM, ZERO123 = "multiview/mvdream/guidance", "multiview/zero123/guidance_toy"
RULES: dict[str, RuleCheck] = {
    "SDS": RuleCheck("sds", "perpneg_mid_s0", noised(sds_residual)),
    "SDI": RuleCheck("sdi", "perpneg_mid_s0", residuals.sdi),
    "FSD and CFD": RuleCheck("cfd", "perpneg_mid_s0", FSD),
    "DSD": RuleCheck("dsd", "perpneg_mid_s0", residuals.dsd),
    "VSD": RuleCheck("vsd", "separate_mid", residuals.vsd),
    "CSD": RuleCheck("csd", "annealed_perpneg_mid_step2500_s0", residuals.csd),
    "ASD": RuleCheck("asd", "perpneg_mid_s0", residuals.asd),
    "ISM": RuleCheck("ism", "ism_mid", residuals.ism, of_batch=True),
    "SJC": RuleCheck("sjc", "perpneg_mid_s0", noised(sjc_residual)),
    "HiFA": RuleCheck("hifa_original", "multi4_eta1_mid", residuals.hifa, of_batch=True),
    "Consistent3D": RuleCheck("consistent3d", "coarse_mid", residuals.consistent3d),
    "SDS of MVDream": of_views(MVDREAM, "recon_b4_s50_r0.5_mid", residuals.mvdream),
    "SDS of Zero-1-to-3": of_views(ZERO123, "zero123_image_term", residuals.zero123),
}
