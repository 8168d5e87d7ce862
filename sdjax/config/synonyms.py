"""What other programs call a field, so that their word finds ours.

The words are those of threestudio, stable-dreamfusion and diffusers; our fields are named by their
last parts, which commands share.
"""

from collections.abc import Iterable

from sdjax.config.errors import nearest

WORDS: dict[tuple[str, ...], str] = {  # ours; of several the first that a command has
    ("first_seed", "seed"): "seed random_seed",
    ("seeds",): "n_particles num_particles particles num_images num_images_per_prompt",
    ("optimizer.learning_rate", "learning_rate"): "lr learningrate",
    ("stages.steps", "steps", "diffusion.steps"): (
        "max_steps num_steps n_steps iters iterations num_iterations max_iters num_train_steps "
        "num_inference_steps epochs max_epochs"
    ),
    ("rule.guidance_scale", "guidance_scale"): "cfg cfg_scale guidance",
    ("prompt", "prompts"): "text caption",
    ("prior.prompts.negative",): "negative_prompt negative",
    ("prior.weights",): "model checkpoint pretrained_model_name_or_path hf_key sd_version",
    ("camera.views", "batch"): "batch_size n_view num_views",
    ("stages.resolution", "resolution"): "width height w h image_height",
    ("annealing.t_min",): "min_step_percent min_t t_range",
    ("annealing.t_max",): "max_step_percent max_t",
    ("camera.distance",): "camera_distance_range radius_range distance_range",
    ("camera.elevation",): "elevation_range",
    ("camera.fovy",): "fovy_range fov",
    ("losses.orientation",): "lambda_orient",
    ("losses.sparsity",): "lambda_sparsity",
    ("losses.opaque",): "lambda_opaque",
    ("losses.guidance",): "lambda_sds lambda_vsd",
    ("scene.samples",): "num_samples_per_ray num_steps_per_ray",
    ("prior.dtype",): "half_precision_weights fp16 precision",
    ("run.checkpoint_every",): "every_n_train_steps save_every eval_interval",
    ("run.devices",): "gpu gpus num_gpus",
}
SYNONYMS = {word: ours for ours, words in WORDS.items() for word in words.split()}
WORKDIR = "output output_dir out_dir outdir workspace work_dir exp_root_dir"
OPTIONS = dict.fromkeys(WORKDIR.split(" "), "workdir")
OTHERWISE = {"first_seed": ("seeds", "how many there are")}  # what one is easily taken for


def nearest_field(name: str, fields: Iterable[str]) -> str:
    """The one of `fields` (dotted, at least one) that is meant by `name`: what is called so
    elsewhere, or else the most similar; and what it is not."""
    fields = list(fields)
    called = _called(name, fields)
    found = nearest(name, called or fields)
    table, _, last = found.rpartition(".")
    other, meaning = OTHERWISE.get(last, ("", "")) if called else ("", "")
    beside = f"{table}.{other}".removeprefix(".")
    return f"config.{found}" + (f" (config.{beside} is {meaning})" if beside in fields else "")


def fields_for_option(name: str) -> tuple[str, ...]:
    """The fields that may be meant by an option which a command has not, as each command calls
    them (its configuration is not read yet): for a word of elsewhere ours, else the name itself."""
    return SYNONYMS.get(_last(name), (name,))


def _called(name: str, fields: Iterable[str]) -> list[str]:
    for ours in SYNONYMS.get(_last(name), ()):
        found = [field for field in fields if f".{field}".endswith(f".{ours}")]
        if found:
            return found
    return []


def _last(name: str) -> str:
    return name.rpartition(".")[2].lower().replace("-", "_")
