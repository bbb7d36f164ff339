"""transformers' CLIPSeg with a choice of decoder.

Two keys of config.json choose: `decoder_kind` (`transformer` or `unet`) and `film_layers`. Where both are left out
this is CLIPSegForImageSegmentation to the last tensor name, and a checkpoint is read by either class.
"""

from typing import Any

import torch
from torch import nn
from transformers import CLIPSegForImageSegmentation

from segmentation.unet import UNetDecoder, perceptron


class PromptSegmenter(CLIPSegForImageSegmentation):
    """A CLIPSeg whose configuration may ask for a U-Net decoder or a deeper FiLM."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)  # type: ignore[no-untyped-call]
        install_decoder(self)


def install_decoder(model: Any) -> None:
    """Put in the decoder that the model's configuration asks for. Changes the model.

    Raises:
        ValueError: The configuration asks for a decoder that does not exist.
    """
    config = model.config
    kind, layers = getattr(config, "decoder_kind", "transformer"), getattr(config, "film_layers", 1)
    if kind == "unet":
        model.decoder = UNetDecoder(config)
    elif kind != "transformer":
        raise ValueError(f"decoder_kind {kind!r} is neither transformer nor unet")
    elif layers > 1:
        model.decoder.film_mul = perceptron(config.projection_dim, config.reduce_dim, layers)
        model.decoder.film_add = perceptron(config.projection_dim, config.reduce_dim, layers)


def reset_decoder(decoder: nn.Module) -> None:
    """Draw a decoder's weights as torch does by itself.

    transformers since 5.13 draws them with a standard deviation of 1.0, which never trains.
    """
    with torch.no_grad():
        for module in decoder.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
            if isinstance(module, nn.MultiheadAttention):
                module._reset_parameters()
