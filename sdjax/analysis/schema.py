"""The tables that the configurations of analyses have: every field, its type and its range."""

from sdjax.config.fields import Schema, choice, flag, number, several, text, whole
from sdjax.config.sampling_schema import SCHEMA as SAMPLING

ANALYSIS = choice(
    "name",
    {
        "trajectories": {"moments": whole(at_least=2)},
        "initial_noise": {
            "patches": whole(at_least=2),
            "mirror_images": flag(),
            "shown": whole(at_least=1),
        },
        "inverted_noise": {
            "objects_per_prompt": whole(at_least=1),
            "perplexity": number(above=1),
        },
    },
)

DDIM: Schema = {
    "guidance_scale": number(),
    "steps": whole(at_least=1, at_most=1000),
    "spacing": SAMPLING["spacing"],
}

OF_RUNS: Schema = {"analysis": ANALYSIS, "ddim": DDIM}  # beside those of a training configuration

OF_VIEWS: Schema = {
    "analysis": ANALYSIS,
    "ddim": DDIM,
    "prompts": several(text()),
    **{name: SAMPLING[name] for name in ("resolution", "prior", "camera")},
}
