"""t-SNE of the DDIM-inverted noise of 16 views of 16 objects.

Figure 9 of DSD (arXiv 2412.06780).

    python -m sdjax.analyse --config=configs/analysis/inverted_noise.py --workdir=runs/inverted_noise
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The table."""
    nouns = ("mug", "house", "chair", "car", "teapot", "tree", "sailboat", "rocket")
    return ConfigDict(
        {
            "analysis": {
                "name": "inverted_noise",
                "objects_per_prompt": 2,
                "perplexity": 15.0,
            },
            "prompts": tuple(f"a {noun}" for noun in nouns),
            "resolution": 32,
            "prior": {"name": "embedded", "data_std": 0.0},
            "camera": {
                "azimuths": tuple(22.5 * k for k in range(16)),
                "elevation": 20.0,
                "distance": 3.2,
                "fovy": 40.0,
            },
            "ddim": {"guidance_scale": 1.0, "steps": 50, "spacing": "trailing"},
        }
    )
