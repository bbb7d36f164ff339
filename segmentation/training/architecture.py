"""A CLIPSeg of transformers' classes, of any size, whose towers can be trained."""

from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

PATCH = 16  # pixels of a token's side in a fresh model


class Architecture(BaseModel):
    """Sizes of a model trained from nothing.

    Heads of 64 channels and a decoder of two heads halve the time of a step on a CPU, against heads of
    32 channels and a decoder of four.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(192, gt=0, multiple_of=4)
    layers: int = Field(6, gt=0)
    heads: int = Field(3, gt=0)
    extract_layers: tuple[int, ...] = (1, 3, 5)
    text_width: int = Field(128, gt=0)
    text_layers: int = Field(2, gt=0)
    text_heads: int = Field(2, gt=0)
    projection: int = Field(128, gt=0)
    reduce: int = Field(64, gt=0)
    decoder_heads: int = Field(2, gt=0)
    decoder_feed_forward: int = Field(256, gt=0)
    pieces: int = Field(3000, ge=600, description="vocabulary of the tokenizer")
    image_size: int = Field(352, gt=0)


def grid_positions(side: int, width: int) -> Tensor:
    """Sines and cosines of row and column, (side * side, width), as start of the position embedding.

    transformers starts it at a deviation of 0.02 beside patches of 3: the model would not see where a token lies
    for thousands of steps, and shapes are nothing else.
    """
    rates = 100.0 ** -(torch.arange(width // 4) / (width // 4))
    angles = torch.arange(side)[:, None] * rates
    waves = torch.cat([angles.sin(), angles.cos()], 1)  # (side, width / 2)
    rows, columns = waves[:, None].expand(-1, side, -1), waves[None].expand(side, -1, -1)
    return torch.cat([rows, columns], 2).reshape(side * side, width)


def look_alike(attention: Any, heads: int, seed: int) -> None:
    """Let all heads of an attention but the last start by looking at tokens like the one that asks.

    Queries and keys start as the same random projection, so that a token sees its neighbours and the rest of its
    object first (mimetic initialisation, arXiv 2305.09828). Changes the attention.
    """
    chance = torch.Generator().manual_seed(seed)
    width = attention.q_proj.weight.shape[0]
    size = width // heads
    with torch.no_grad():
        for head in range(heads - 1):
            rows = slice(head * size, (head + 1) * size)
            plane = torch.linalg.qr(torch.randn(width, size, generator=chance))[0].T
            for part in (attention.q_proj, attention.k_proj):
                part.weight[rows] = plane
                part.bias[rows] = 0.0


def build(architecture: Architecture, tokenizer: Any, max_tokens: int) -> Any:
    """A fresh CLIPSegForImageSegmentation with working initial weights."""
    from transformers import CLIPSegConfig

    from segmentation.segmenter import PromptSegmenter, reset_decoder

    a = architecture
    config = CLIPSegConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": a.text_width,
            "intermediate_size": 4 * a.text_width,
            "num_hidden_layers": a.text_layers,
            "num_attention_heads": a.text_heads,
            "max_position_embeddings": max_tokens,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "hidden_size": a.width,
            "intermediate_size": 4 * a.width,
            "num_hidden_layers": a.layers,
            "num_attention_heads": a.heads,
            "image_size": a.image_size,
            "patch_size": PATCH,
        },
        projection_dim=a.projection,
        reduce_dim=a.reduce,
        extract_layers=list(a.extract_layers),
        use_complex_transposed_convolution=True,
        decoder_num_attention_heads=a.decoder_heads,
        decoder_intermediate_size=a.decoder_feed_forward,
    )
    # Eager attention: its backward pass in bfloat16 is a fifth faster on a CPU than the fused kernel's.
    model = PromptSegmenter._from_config(config, attn_implementation="eager")  # type: ignore[no-untyped-call]
    reset_decoder(model.decoder)
    places = model.clip.vision_model.embeddings.position_embedding.weight
    with torch.no_grad():
        places[1:] += grid_positions(a.image_size // PATCH, a.width)
    for number, layer in enumerate(model.clip.vision_model.encoder.layers):
        look_alike(layer.self_attn, a.heads, number)
    return model


def encode(model: Any, pixels: Tensor, places: Tensor | None = None) -> list[Tensor]:
    """Activations the decoder reads, with gradients; each (batch, tokens + 1, width).

    A picture smaller than the position table takes a window of it, not a squeezed copy: two neighbouring tokens are
    then as far apart as they are in use, and what a small picture teaches about shapes holds for a large one.

    Args:
        model: CLIPSegForImageSegmentation. Its own forward would freeze both towers.
        pixels: Normalised, (batch, 3, side, side).
        places: Where in the table each picture lies, (batch, 2), y and x from 0 to 1; None squeezes the table.
    """
    vision = model.clip.vision_model
    embeddings = vision.embeddings
    table = embeddings.position_embedding.weight
    whole = round((len(table) - 1) ** 0.5)
    grid = pixels.shape[-1] // embeddings.patch_size
    if places is None or grid > whole:
        embedded = embeddings(pixels, interpolate_pos_encoding=True)
    else:
        patches = embeddings.patch_embedding(pixels).flatten(2).transpose(1, 2)
        start = (places * (whole - grid + 1)).long().clamp(max=whole - grid)  # (batch, 2)
        steps = torch.arange(grid, device=pixels.device)
        rows, columns = start[:, :1] + steps, start[:, 1:] + steps  # (batch, grid)
        at = 1 + (rows[:, :, None] * whole + columns[:, None, :]).flatten(1)
        first = (embeddings.class_embedding + table[0]).expand(len(pixels), 1, -1)
        embedded = torch.cat([first, patches + table[at]], 1)
    hidden, kept = vision.pre_layrnorm(embedded), []
    for index, layer in enumerate(vision.encoder.layers[: max(model.extract_layers) + 1]):
        hidden = layer(hidden, None)
        if index in model.extract_layers:
            kept.append(hidden)
    return kept


def text_conditions(model: Any, ids: Tensor, mask: Tensor) -> Tensor:
    """Condition of each text, (texts, projection), with gradients."""
    pooled = model.clip.text_model(input_ids=ids, attention_mask=mask).pooler_output
    return model.clip.text_projection(pooled)  # type: ignore[no-any-return]


def image_conditions(model: Any, pixels: Tensor) -> Tensor:
    """Condition of each example picture, (pictures, projection), with gradients."""
    pooled = model.clip.vision_model(pixel_values=pixels, interpolate_pos_encoding=True).pooler_output
    return model.clip.visual_projection(pooled)  # type: ignore[no-any-return]


def decode(model: Any, activations: list[Tensor], conditions: Tensor) -> Tensor:
    """Logits (batch * prompts, side, side) of several prompts for each picture.

    Args:
        model: CLIPSegForImageSegmentation.
        activations: From encode, for batch pictures.
        conditions: (batch * prompts, projection), the prompts of one picture next to each other.
    """
    repeat = conditions.shape[0] // activations[0].shape[0]
    spread = [layer.repeat_interleave(repeat, 0) for layer in activations]
    return model.decoder(spread, conditions).logits  # type: ignore[no-any-return]


MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def normalise(pixels: Tensor) -> Tensor:
    """uint8 (batch, side, side, 3) RGB to float (batch, 3, side, side) with ImageNet's statistics."""
    scaled = pixels.permute(0, 3, 1, 2).float() / 255.0
    mean, std = (torch.tensor(v, device=pixels.device).view(1, 3, 1, 1) for v in (MEAN, STD))
    return (scaled - mean) / std
