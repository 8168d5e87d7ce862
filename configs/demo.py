"""Four different houses from four seeds, on the embedded prior: the README's first command.

DSD with one guidance scale of 1 in all its terms and its ODE cached per camera; 32 pixels on a
grid of 40^3, then 64 pixels on 64^3.

    python -m sdjax.train --config=configs/demo.py --workdir=runs/demo

About 52 s on 2 CPU cores (35 s with a warm compilation cache); 4 different houses, 30.2 dB on
average and 28.4 dB at least over 16 held-out views, all views agree.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The table."""
    return ConfigDict(
        {
            "prompt": "a house",
            "seeds": 4,
            "first_seed": 0,
            "stages": {"steps": (300, 200), "resolution": (32, 64), "grid": (40, 64)},
            "prior": {
                "name": "embedded",
                "views": "camera",
                "data_std": 0.0,
                "cameras": 108,
                "azimuth": 0.0,
            },
            "rule": {
                "name": "dsd",
                "guidance_scale": 1.0,
                "base_guidance_scale": 1.0,
                "ode_guidance_scale": 1.0,
                "weighting": "one_minus_alpha_cumprod",
                "ode": "cached",
                "ode_steps": 10,
                "ode_bins": None,
                "ode_dtype": "float32",
                "overshoot": "proportional",
                "delta": 0.1,
                "image_weight": 0.0,
                "warm_up": 0.0,
            },
            "annealing": {"name": "linear", "t_max": 0.98, "t_min": 0.02},
            "noise": {
                "name": "none",
                "theta": 180.0,
                "beta": 1.0,
                "gamma": 0.0,
                "map_texels": None,
            },
            "gradient": {"clip": None, "normalise": False},
            "camera": {
                "views": 1,
                "elevation": (-10.0, 45.0),
                "distance": (3.2, 3.2),
                "fovy": (40.0, 40.0),
                "even_degrees": 0.0,
                "camera_perturb": 0.0,
                "center_perturb": 0.0,
                "up_perturb": 0.0,
            },
            "scene": {
                "name": "dense_grid",
                "radius": 1.0,
                "samples": 16,
                "proposals": 32,
                "chunk": None,
                "normal_step": None,
                "background": "white",
                "shading": {"name": "albedo"},
                "blob_scale": 3.0,
                "blob_radius": 0.6,
            },
            "losses": {
                "guidance": 1.0,
                "orientation": 0.0,
                "sparsity": 0.0,
                "opaque": 0.0,
                "convexity": 0.0,
                "z_variance": 0.0,
                "normal_smoothness": 0.0,
            },
            "optimizer": {
                "name": "adam",
                "learning_rate": 0.1,
                "background_learning_rate": None,
                "final": 0.1,
                "b1": 0.9,
                "b2": 0.99,
                "eps": 1e-15,
            },
            "run": {
                "devices": 0,
                "mapping": "auto",
                "chunk": 20,
                "checkpoint_every": 100,
                "weight_shards": 1,
                "coordinator": None,
                "processes": None,
                "process": None,
            },
            "report": {
                "views": 16,
                "frames": 48,
                "turntable_resolution": 128,
                "turntable_elevation": 15.0,
                "turntable_format": "mp4",
                "mesh_resolution": 96,
                "mesh_format": "glb",
            },
        }
    )
