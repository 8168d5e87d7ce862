"""What all rules share in 3D on the embedded prior: 8 houses, 300 steps at 32 and 100 at 64 pixels.

A rule's own file adds `rule` and `annealing`; the optimiser is the same for all.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The table."""
    return ConfigDict(
        {
            "prompt": "a house",
            "seeds": 8,
            "first_seed": 0,
            "stages": {"steps": (300, 100), "resolution": (32, 64), "grid": (40, 64)},
            "prior": {"views": "camera", "data_std": 0.0},
            "camera": {
                "bank": 108,
                "views": 1,
                "azimuth": 0.0,
                "elevation": (-10.0, 45.0),
                "distance": 3.2,
                "fovy": 40.0,
            },
            "scene": {
                "name": "dense_grid",
                "samples": 16,
                "proposals": 32,
                "background": "white",
                "blob_scale": 3.0,
                "blob_radius": 0.6,
            },
            "losses": {
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
                "final": 0.1,
                "b1": 0.9,
                "b2": 0.99,
                "eps": 1e-15,
            },
            "run": {"devices": 0, "mapping": "map", "chunk": 20, "checkpoint_every": 100},
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
