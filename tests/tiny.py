"""A CLIPSeg of random weights, small enough for tests and load runs, in a folder like a trained one."""

from pathlib import Path


def save_tiny_checkpoint(folder: Path) -> Path:
    """Save it as a trained one would be saved; it reads letters."""
    import torch
    from torch import nn
    from transformers import CLIPSegConfig, CLIPSegForImageSegmentation, CLIPTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    # Id 2 stays free: as end of text it would switch transformers to pooling at the largest id.
    tokens = [
        "<pad>",
        "<unk>",
        "<free>",
        "<start>",
        "<end>",
        *letters,
        *(f"{letter}</w>" for letter in letters),
    ]
    tokenizer = CLIPTokenizer(
        vocab={token: index for index, token in enumerate(tokens)},
        merges=[],
        unk_token="<unk>",
        pad_token="<pad>",
        bos_token="<start>",
        eos_token="<end>",
    )
    config = CLIPSegConfig(
        text_config={
            "vocab_size": len(tokens),
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_position_embeddings": 24,
            "pad_token_id": 0,
            "bos_token_id": 3,
            "eos_token_id": 4,
        },
        vision_config={
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 4,
            "num_attention_heads": 2,
            "image_size": 64,
            "patch_size": 16,
        },
        projection_dim=16,
        reduce_dim=8,
        decoder_num_attention_heads=2,
        decoder_intermediate_size=16,
        extract_layers=[0, 1, 2],
        use_complex_transposed_convolution=True,
    )
    torch.manual_seed(0)
    model = CLIPSegForImageSegmentation(config)
    # transformers draws the decoder with a deviation of 1.0, which makes logits in the hundreds.
    for module in model.decoder.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            module.reset_parameters()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
