"""t-SNE of the DDIM-inverted noise of 16 views of 16 objects.

Figure 9 of DSD (arXiv 2412.06780), with the pictures themselves beside it, which that figure has
not. The prior's data are just these views; it does not know the camera.

    sdjax analyse --config=analysis/inverted_noise --workdir=runs/inverted

About 15 s on 2 CPU cores. The noises of one object do lie together (the nearest is of the same
object for 97 %), but no more than its pictures do (97 %), and they are no likely noises: exact data
lead to a norm of 0.22 of a Gaussian's. Where noise of `prior.data_std` 0.05 (0.2) blurs the data,
the norm is 0.52 (0.92) and the nearest of the same object for 29 % (11 %; by chance 6 %).

`:stable_diffusion` inverts each object under the prompt that chose it; not run with real weights so
far, on tiny networks of random weights in the tests.
"""

from ml_collections import ConfigDict

from sdjax.config.loading import read


def get_config(prior: str = "embedded") -> ConfigDict:
    """The table with one of the priors of sample.py; objects and cameras are the defaults."""
    if prior == "embedded":
        own = {"resolution": 32, "prior": {"name": "embedded"}}
    else:
        sample = read(f"sample:{prior}")
        own = {name: sample[name] for name in ("resolution", "prior") if name in sample}
        own["ddim"] = {name: sample[name] for name in ("spacing",) if name in sample}
    analysis = {"name": "inverted_noise"}
    return ConfigDict({"analysis": analysis, "camera": {"elevation": 20.0}, **own})
