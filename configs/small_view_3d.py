"""Every rule in 3D from one picture, on the Zero-1-to-3 in miniature.

    sdjax train --config=small_view_3d:dsd --config.prior.weights=runs/prior/model \\
        --workdir=runs/view

Its weights, "sdjax-small-view", do not come with this version of the package: train_view.py makes
them.  No rule was run on trained ones so far.  A picture of one's own:
`--config.prior.image=picture.png`.

Scene, rules and annealings are those of small_3d.py, cameras too; every step also compares the
picture's view with it, by colour and mask, with the weights of threestudio's zero123.  The picture
is that of embedded_view.py: a red front, which leaves open which of four backs it has.  Where a
rule caches its ODE, it does so for 64 directions.
"""

from ml_collections import ConfigDict

from sdjax.config.tasks import merged, parts_of, with_rule

TEXT = parts_of("small_3d")
BASE = merged(
    TEXT.base,
    {
        "prompt": "the object of the picture",
        "prior": {
            "name": "zero123",
            "weights": "sdjax-small-view",
            "image": "sdjax:red_facade.png",
            "image_size": 64,
            "dtype": "float32",
        },
        "losses": {"reference_rgb": 500.0, "reference_mask": 50.0},
    },
)
DEVIATIONS = merged(TEXT.deviations, {"dsd": {"rule": {"ode_bins": 64}}})
RULES = TEXT.rules


def get_config(rule: str = "dsd") -> ConfigDict:
    """The table with one of the rules."""
    return with_rule(BASE, rule, RULES, DEVIATIONS)
