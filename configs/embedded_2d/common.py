"""What all rules share in 2D on the embedded prior: 64 images of a chair from one camera, 300 steps.

A rule's own file adds `rule`, `annealing` and `optimizer`.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The table."""
    return ConfigDict(
        {
            "prompt": "a chair",
            "seeds": 64,
            "first_seed": 0,
            "stages": {"steps": (300,), "resolution": (64,), "grid": (2,)},
            "prior": {"views": "camera", "data_std": 0.0},
            "camera": {
                "bank": 1,
                "views": 1,
                "azimuth": 30.0,
                "elevation": (20.0, 20.0),
                "distance": 3.2,
                "fovy": 40.0,
            },
            "scene": {"name": "image", "spread": 0.0},
            "losses": {
                "orientation": 0.0,
                "sparsity": 0.0,
                "opaque": 0.0,
                "convexity": 0.0,
                "z_variance": 0.0,
                "normal_smoothness": 0.0,
            },
            "run": {"devices": 0, "mapping": "map", "chunk": 50, "checkpoint_every": 300},
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
