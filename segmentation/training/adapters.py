"""LoRA adapters (arXiv 2106.09685) in the attention of both towers, through peft."""

from typing import Any

from torch import nn

from segmentation.errors import DataError

TARGETS = ["q_proj", "k_proj", "v_proj", "out_proj"]


def add_adapters(model: Any, rank: int) -> None:
    """Put adapters of a rank into frozen towers. Changes the model: names of adapted weights change too.

    Raises:
        DataError: peft is not installed.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise DataError("lora needs peft: pip install 'shelf-agent[train]'") from error
    # Twice the rank is the usual scale: an update then weighs the same whatever the rank.
    settings = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=TARGETS)
    for tower in (model.clip.vision_model, model.clip.text_model):
        inject_adapter_in_model(settings, tower)


def merge_adapters(model: nn.Module) -> None:
    """Add adapters to the weights they stand beside and take them out. Changes the model."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if hasattr(child, "lora_A"):
                child.merge()  # type: ignore[operator]
                setattr(module, name, child.get_base_layer())  # type: ignore[operator]
