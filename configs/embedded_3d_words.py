"""Every rule in 3D on an exact prior that is told the view in words only: 8 houses.

    sdjax train --config=embedded_3d_words:dsd --workdir=runs/words/dsd

As Stable Diffusion, it hears "front", "side", "back" or "overhead" and knows no camera: its data at
a camera are the objects' renderings from all cameras with the same word.  One word stands for 90
degrees of azimuth, and one noise for all views draws one picture for all of them: this is what
FSD's world map was made for, and DSD whose ODEs begin on one (`rule.ode_start`).  Where the camera
is known, embedded_3d.py, one noise is as good or better.

A rule takes 3 to 5 minutes on 2 CPU cores.  Figures, and what was tried: docs/rules.md.
"""

from ml_collections import ConfigDict

from sdjax.config.tasks import merged, parts_of, with_rule

CAMERA = parts_of("embedded_3d")
BASE = merged(CAMERA.base, {"prior": {"views": "direction"}})
OWN = {
    "fsd": {"noise": {"theta": 90.0}, "stages": {"steps": (600, 200)}},
    "fsd_one_noise": {"noise": {"name": "fixed"}},
    "dsd": {"rule": {"ode_start": "world_map", "ode_theta": 90.0, "ode_at": "node"}},
    "dsd_one_start": {"rule": {"ode_start": "one"}},
}
DEVIATIONS = merged(CAMERA.deviations, OWN)
VARIANTS = {"fsd_one_noise": "fsd", "dsd_one_start": "dsd"}  # of which rule
RULES = (*CAMERA.rules, *VARIANTS)


def get_config(rule: str = "dsd") -> ConfigDict:
    """The table with one of the rules."""
    return with_rule(BASE, rule, RULES, DEVIATIONS, VARIANTS)
