"""What the config.json of a CLIP text or image encoder says."""

from dataclasses import dataclass
from typing import Any

from sdjax.config.errors import UserError, short
from sdjax.networks.configuration import Fields, check_class, check_divisible
from sdjax.networks.extent import Extent
from sdjax.networks.values import LONGEST, MOST_LAYERS, WIDEST, number, whole

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

        Of a whole CLIP's configuration the part about text is read, as transformers has it.
        UserError for another model or an activation that is not one of ACTIVATIONS.
        """
        fields = _part(fields, "text_config")
        check_class(fields, "model_type", "clip_text_model", "text encoder")
        read = {**_TEXT_DEFAULTS, **fields}
        return cls(
            encoder=_encoder(read, "text encoder"),
            vocab_size=whole("vocab_size", read["vocab_size"]),
            max_position_embeddings=whole(
                "max_position_embeddings", read["max_position_embeddings"]
            ),
            eos_token_id=whole("eos_token_id", read["eos_token_id"], at_least=0),
            projection_dim=_projection(read, "CLIPTextModelWithProjection"),
        )

    @property
    def extent(self) -> Extent:
        """Sixteen tensors of a layer."""
        widths = {
            "vocab_size": self.vocab_size,
            "max_position_embeddings": self.max_position_embeddings,
            "projection_dim": self.projection_dim or 1,
            "hidden_size": self.encoder.hidden_size,
            "intermediate_size": self.encoder.intermediate_size,
        }
        return Extent(16 * self.encoder.num_hidden_layers, widths)


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

        Of a whole CLIP's configuration the part about images is read, as transformers has it.
        UserError for another model or an activation that is not one of ACTIVATIONS.
        """
        fields = _part(fields, "vision_config")
        check_class(fields, "model_type", "clip_vision_model", "image encoder")
        read = {**_VISION_DEFAULTS, **fields}
        return cls(
            encoder=_encoder(read, "image encoder"),
            image_size=whole("image_size", read["image_size"], LONGEST),
            patch_size=whole("patch_size", read["patch_size"], LONGEST),
            num_channels=whole("num_channels", read["num_channels"]),
            projection_dim=_projection(read, "CLIPVisionModelWithProjection"),
        )

    @property
    def extent(self) -> Extent:
        """Sixteen tensors of a layer."""
        widths = {
            "projection_dim": self.projection_dim or 1,
            "hidden_size": self.encoder.hidden_size,
            "intermediate_size": self.encoder.intermediate_size,
        }
        return Extent(16 * self.encoder.num_hidden_layers, widths)


def _part(fields: Fields, name: str) -> Fields:
    """Of a whole CLIP's fields those of one encoder; those of an encoder are its own."""
    part = fields.get(name) if fields.get("model_type") == "clip" else None
    return part if isinstance(part, dict) else fields


def _encoder(read: dict[str, Any], component: str) -> EncoderConfig:
    if read["hidden_act"] not in ACTIVATIONS:
        raise UserError(
            f"The {component}'s configuration has hidden_act {short(read['hidden_act'])}, expected "
            f"{' or '.join(repr(one) for one in ACTIVATIONS)}."
        )
    bounds = {
        "hidden_size": WIDEST,
        "intermediate_size": WIDEST,
        "num_hidden_layers": MOST_LAYERS,
        "num_attention_heads": WIDEST,
    }
    sizes = {name: whole(name, read[name], bound) for name, bound in bounds.items()}
    heads = (sizes["num_attention_heads"],)
    check_divisible("hidden_size", (sizes["hidden_size"],), heads, "the number of heads")
    epsilon = number("layer_norm_eps", read["layer_norm_eps"])
    return EncoderConfig(**sizes, hidden_act=read["hidden_act"], layer_norm_eps=epsilon)


def _projection(read: dict[str, Any], architecture: str) -> int | None:
    named = read.get("architectures")
    projects = isinstance(named, list | tuple) and architecture in named
    return whole("projection_dim", read["projection_dim"]) if projects else None


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
