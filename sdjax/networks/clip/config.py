"""What the config.json of a CLIP text or image encoder says."""

from dataclasses import dataclass
from typing import Any

from sdjax.config.errors import UserError
from sdjax.networks.configuration import Fields, check_class, check_divisible

ACTIVATIONS = ("quick_gelu", "gelu")


@dataclass(frozen=True)
class EncoderConfig:
    """The transformer that text and image encoder share."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    hidden_act: str  # one of ACTIVATIONS
    layer_norm_eps: float


@dataclass(frozen=True)
class TextConfig:
    """A text encoder; `projection_dim` is None for one without projection."""

    encoder: EncoderConfig
    vocab_size: int
    max_position_embeddings: int
    eos_token_id: int
    projection_dim: int | None

    @classmethod
    def from_dict(cls, fields: Fields) -> "TextConfig":
        """Read the fields of transformers' `CLIPTextModel` or `CLIPTextModelWithProjection`
        (as `architectures` says), with their defaults.

        ValueError for another model or an activation that is not one of ACTIVATIONS.
        """
        check_class(fields, "model_type", "clip_text_model", "text encoder")
        read = {**_TEXT_DEFAULTS, **fields}
        return cls(
            encoder=_encoder(read, "text encoder"),
            vocab_size=read["vocab_size"],
            max_position_embeddings=read["max_position_embeddings"],
            eos_token_id=read["eos_token_id"],
            projection_dim=_projection(read, "CLIPTextModelWithProjection"),
        )


@dataclass(frozen=True)
class VisionConfig:
    """An image encoder; `projection_dim` is None for one without projection."""

    encoder: EncoderConfig
    image_size: int
    patch_size: int
    num_channels: int
    projection_dim: int | None

    @classmethod
    def from_dict(cls, fields: Fields) -> "VisionConfig":
        """Read the fields of transformers' `CLIPVisionModel` or `CLIPVisionModelWithProjection`
        (as `architectures` says), with their defaults.

        ValueError for another model or an activation that is not one of ACTIVATIONS.
        """
        check_class(fields, "model_type", "clip_vision_model", "image encoder")
        read = {**_VISION_DEFAULTS, **fields}
        return cls(
            encoder=_encoder(read, "image encoder"),
            image_size=read["image_size"],
            patch_size=read["patch_size"],
            num_channels=read["num_channels"],
            projection_dim=_projection(read, "CLIPVisionModelWithProjection"),
        )


def _encoder(read: dict[str, Any], component: str) -> EncoderConfig:
    if read["hidden_act"] not in ACTIVATIONS:
        raise UserError(
            f"The {component}'s configuration has hidden_act {read['hidden_act']!r}, expected "
            f"{' or '.join(repr(one) for one in ACTIVATIONS)}."
        )
    heads = (read["num_attention_heads"],)
    check_divisible("hidden_size", (read["hidden_size"],), heads, "the number of heads")
    return EncoderConfig(**{name: read[name] for name in EncoderConfig.__dataclass_fields__})


def _projection(read: dict[str, Any], architecture: str) -> int | None:
    projects = architecture in (read.get("architectures") or ())
    return read["projection_dim"] if projects else None


_SHARED_DEFAULTS = {"hidden_act": "quick_gelu", "layer_norm_eps": 1e-5, "projection_dim": 512}
_TEXT_DEFAULTS = {
    **_SHARED_DEFAULTS,
    "hidden_size": 512,
    "intermediate_size": 2048,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "vocab_size": 49408,
    "max_position_embeddings": 77,
    "eos_token_id": 49407,
}
_VISION_DEFAULTS = {
    **_SHARED_DEFAULTS,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 32,
    "num_channels": 3,
}
