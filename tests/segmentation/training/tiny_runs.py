"""Plans small enough for tests, and the checkpoints that they start from."""

from pathlib import Path
from typing import Any

from segmentation.training.architecture import Architecture
from segmentation.training.plan import Plan, Stage
from segmentation.training.trainer import Line

TINY = Architecture(
    width=32,
    layers=2,
    heads=1,
    extract_layers=(0, 1),
    text_width=32,
    text_layers=1,
    text_heads=1,
    projection=16,
    reduce=16,
    decoder_heads=1,
    decoder_feed_forward=32,
    pieces=700,
    image_size=96,
)
SHORT = Stage(steps=2, size=64, scenes=2, examples=1, prompts=2)


def tiny_plan(**changes: Any) -> Plan:
    """A plan of two stages and seven steps, with changes."""
    base = {
        "architecture": TINY,
        "stages": (
            Stage(steps=4, size=64, scenes=2, examples=1, prompts=2),
            Stage(steps=3, size=96, scenes=1),
        ),
        "warm_up": 2,
        "threads": 1,
        "workers": 0,
        "save_every": 2,
        "log_every": 1,
    }
    return Plan.model_validate({**base, **changes})


def ignore(line: Line) -> None:
    """Hear a line and forget it."""


def save_tiny_clip(folder: Path, *, layers: int = 4, patch: int = 16) -> Path:
    """A plain CLIP of random weights, saved as the public ones are; it reads the words of the shelf."""
    from transformers import CLIPConfig, CLIPModel
    from transformers.utils import logging

    from segmentation.training.words import train_tokenizer

    logging.disable_progress_bar()
    tokenizer = train_tokenizer(700)
    config = CLIPConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 1,
            "max_position_embeddings": 32,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": layers,
            "num_attention_heads": 2,
            "image_size": 4 * patch,
            "patch_size": patch,
        },
        projection_dim=16,
    )
    CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
