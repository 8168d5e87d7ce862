"""The small Stable Diffusion that ships with the package, trained on captioned renderings.

sdjax train_prior --config=train_prior --workdir=runs/prior
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The table."""
    return ConfigDict(
        {
            "seed": 0,
            "resolution": 64,
            "data": {
                "name": "objects",
                "nouns": (
                    "mug",
                    "house",
                    "chair",
                    "car",
                    "teapot",
                    "tree",
                    "sailboat",
                    "rocket",
                ),
                "pictures": 32_768,  # rendered before training; 0: new ones for every batch
                "elevation": (-10.0, 60.0),
                "distance": (3.2, 3.2),
                "fovy": (40.0, 40.0),
                "overhead": 45.0,
                "stretch": 0.15,
                "shade": 0.04,
                "says": {
                    "colour": 0.9,
                    "shape": 0.3,
                    "roof": 0.5,
                    "view": 0.9,
                    "prefix": 0.15,
                    "empty": 0.1,
                },
            },
            "model": {
                "name": "new",
                "autoencoder": {
                    "channels": (16, 32, 64),
                    "layers": 1,
                    "latent_channels": 4,
                    "groups": 4,
                },
                "text": {"width": 96, "layers": 2, "heads": 4, "tokens": 24},
                "unet": {
                    "channels": (48, 96),
                    "layers": 1,
                    "heads": (2, 4),
                    "groups": 8,
                    "attention": (False, True),
                },
                "prediction": "v_prediction",
            },
            "autoencoder": {
                "steps": 1500,
                "batch": 16,
                "learning_rate": 2e-3,
                "warmup": 50,
                "weight_decay": 1e-4,
                "average": 0.99,
                "clip": 1.0,
                "kl": 1e-6,
            },
            "diffusion": {
                "steps": 5000,
                "batch": 32,
                "learning_rate": 1.2e-3,
                "warmup": 200,
                "weight_decay": 0.01,
                "average": 0.999,
                "clip": 1.0,
                "trains_text": True,
                "timestep_power": 1.0,
            },
            "save_dtype": "float16",
            "run": {"chunk": 20, "checkpoint_every": 500},
            "report": {
                "prompts": (
                    "a red mug",
                    "a blue car",
                    "a yellow chair",
                    "a white house with a green roof",
                    "a purple teapot",
                    "a green tree",
                    "an orange sailboat",
                    "a teal rocket",
                ),
                "seeds": 3,
                "guidance_scale": 3.0,
                "steps": 25,
                "held_out": 512,
            },
        }
    )
