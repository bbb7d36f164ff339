"""What a run begins from: fresh weights, a CLIPSeg, or a plain CLIP, with the decoder and adapters of its plan."""

import shutil
from pathlib import Path
from typing import Any

import torch

from segmentation.checkpoint import Checkpoint, resolve
from segmentation.clipseg import blaming, check_tokenizer, load_parts
from segmentation.errors import CheckpointError, DataError
from segmentation.training.adapters import add_adapters
from segmentation.training.architecture import build
from segmentation.training.plan import Decoder, Plan
from segmentation.training.words import MAX_TOKENS, load_tokenizer, train_tokenizer


def start_model(plan: Plan, run: Path) -> tuple[Any, Any]:
    """A model and its tokenizer (learnt or copied once per run, then read); what is not trained is frozen.

    Raises:
        CheckpointError: The checkpoint to start from is missing or cannot be used.
        DataError: The plan's decoder does not fit the encoder.
    """
    start = resolve(plan.start, plain_clip=True) if plan.start is not None else None
    folder = run / "tokenizer"
    if not (folder / "tokenizer.json").is_file():
        chosen = load_tokenizer(start.folder) if start else train_tokenizer(plan.architecture.pieces)
        fresh = run / "tokenizer.new"  # a kill or a full disk must not leave half a vocabulary
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        chosen.save_pretrained(fresh)
        fresh.rename(folder)
    tokenizer = load_tokenizer(folder)
    torch.manual_seed(plan.seed)
    if start is None:
        model = build(plan.architecture, tokenizer, MAX_TOKENS)
    elif start.kind == "clip":
        model = _from_clip(start)
    else:
        model, _ = load_parts(start)
    check_tokenizer(tokenizer, model.config, f"{folder} beside {plan.start or 'a fresh model'}")
    if plan.decoder is not None:
        draw_decoder(model, plan.decoder)
    freeze(model, plan.towers)
    if plan.device == "cpu":  # eager attention's backward pass is much faster there than the fused kernel's
        model.set_attn_implementation("eager")
        for layer in getattr(model.decoder, "layers", ()):  # they have a configuration of their own
            layer.self_attn.config._attn_implementation = "eager"
    if plan.lora:
        add_adapters(model, plan.lora)
    return model, tokenizer


def draw_decoder(model: Any, wanted: Decoder) -> None:
    """Give a model a fresh decoder. Changes the model and its configuration.

    Raises:
        DataError: It asks for layers that the encoder does not have.
    """
    from transformers.models.clipseg.modeling_clipseg import CLIPSegDecoder

    from segmentation.segmenter import install_decoder, reset_decoder

    config = model.config
    layers = list(wanted.extract_layers or config.extract_layers)
    blocks = config.vision_config.num_hidden_layers
    if not all(0 <= layer < blocks for layer in layers):
        raise DataError(
            f"decoder.extract_layers: {layers} are not all among the encoder's {blocks} (0 to {blocks - 1})"
        )
    config.extract_layers = model.extract_layers = sorted(layers)
    config.reduce_dim = wanted.reduce
    config.decoder_num_attention_heads = wanted.heads
    config.decoder_intermediate_size = wanted.feed_forward
    config.use_complex_transposed_convolution = config.vision_config.patch_size == 16  # it fits no other
    config.decoder_kind, config.film_layers = wanted.kind, wanted.film
    model.decoder = CLIPSegDecoder(config)
    install_decoder(model)
    reset_decoder(model.decoder)


def freeze(model: Any, towers: str | int) -> None:
    """Keep what is not to be trained as it is: nothing, CLIP, or CLIP but its last image blocks."""
    if towers == "all":
        return
    model.clip.requires_grad_(False)
    if isinstance(towers, int):
        # Blocks behind the last one that the decoder reads get no gradient; what counts are those before.
        used = model.clip.vision_model.encoder.layers[: max(model.extract_layers) + 1]
        used[-towers:].requires_grad_(True)


def _from_clip(start: Checkpoint) -> Any:
    """A CLIPSeg around a CLIP's towers; its fresh decoder reads the layers at a quarter, a half and three quarters."""
    from transformers import CLIPConfig, CLIPModel, CLIPSegConfig

    from segmentation.segmenter import PromptSegmenter, reset_decoder

    with blaming(start, "config.json"):
        given: Any = CLIPConfig.from_pretrained(start.folder, local_files_only=True)
        blocks = given.vision_config.num_hidden_layers
        config = CLIPSegConfig(
            text_config=given.text_config.to_dict(),
            vision_config=given.vision_config.to_dict(),
            projection_dim=given.projection_dim,
            extract_layers=sorted({blocks * quarter // 4 for quarter in (1, 2, 3)}),
            use_complex_transposed_convolution=given.vision_config.patch_size == 16,
        )
    with blaming(start, "model.safetensors"):
        loaded: Any = CLIPModel.from_pretrained(
            start.folder, dtype=torch.float32, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
        clip, found = loaded
        if found["missing_keys"]:
            raise CheckpointError(f"{start.name}: no weights for {min(found['missing_keys'])}")
        model = PromptSegmenter._from_config(config)  # type: ignore[no-untyped-call]
        model.clip.load_state_dict(clip.state_dict())
    reset_decoder(model.decoder)
    return model
