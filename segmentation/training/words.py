"""The tokenizer of a model trained here: byte-level BPE as CLIP's, learnt from the words of the shelf."""

from pathlib import Path
from typing import Any

import numpy as np
import yaml

import prompts
from segmentation.training.phrases import Meaning, say
from segmentation.vocabulary import plural, vocabulary

MAX_TOKENS = 32
START, END = "<|startoftext|>", "<|endoftext|>"


def corpus(sentences: int = 20000, seed: int = 0) -> list[str]:
    """Texts such as users write, every word of the vocabulary at least once."""
    rng = np.random.default_rng(seed)
    words = vocabulary()
    texts = [w for group in words.kinds.values() for w in group] + [w for group in words.other.values() for w in group]
    texts += [*words.products, *words.parts, *words.contents]
    texts += [w for colour in words.colours.values() for w in colour.synonyms]
    texts += [w.lower() for c in words.contents.values() for w in c.words]
    texts += yaml.safe_load(prompts.read("training.yaml"))["words"]
    texts += [plural(text) for text in texts]
    texts = texts * 3
    kinds, colours, contents = list(words.kinds), list(words.colours), list(words.contents)
    for _ in range(sentences):
        meaning = Meaning(
            kind=str(rng.choice(kinds)) if rng.random() < 0.7 else None,
            colour=str(rng.choice(colours)) if rng.random() < 0.6 else None,
            contents=str(rng.choice(contents)) if rng.random() < 0.4 else None,
            cap=str(rng.choice(colours)) if rng.random() < 0.1 else None,
        )
        texts.append(say(rng, meaning, int(rng.integers(3))).text)
    return texts


def train_tokenizer(pieces: int) -> Any:
    """Learn a CLIPTokenizer.

    The special tokens come last, so that the end token is the largest id and is never 2: transformers pools
    at the largest id when a configuration says 2.

    Args:
        pieces: Size of the vocabulary, special tokens included; fewer when the words give no more merges.

    Returns:
        transformers.CLIPTokenizer.
    """
    import json

    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import CLIPTokenizer

    pattern = CLIPTokenizer(vocab={START: 0, END: 1}, merges=[])
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    learner.normalizer = pattern.backend_tokenizer.normalizer
    learner.pre_tokenizer = pattern.backend_tokenizer.pre_tokenizer
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=pieces - 2 - len(alphabet),
        initial_alphabet=alphabet,
        end_of_word_suffix="</w>",
        show_progress=False,
        min_frequency=2,
    )
    learner.train_from_iterator(corpus(), trainer)
    learnt = json.loads(learner.to_str())["model"]
    # Every byte also as the end of a word, so that any text can be written.
    names = [*alphabet, *(f"{letter}</w>" for letter in alphabet)]
    names += [piece for piece in sorted(learnt["vocab"], key=learnt["vocab"].get) if piece not in set(names)]
    vocab = {piece: index for index, piece in enumerate([*names, START, END])}
    merges = [tuple(pair) if isinstance(pair, list) else tuple(pair.split(" ")) for pair in learnt["merges"]]
    return CLIPTokenizer(
        vocab=vocab,
        merges=merges,  # type: ignore[arg-type]  # pairs are what it takes
        bos_token=START,
        eos_token=END,
        unk_token=END,
        pad_token=END,
        model_max_length=MAX_TOKENS,
    )


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a checkpoint folder, never from the network."""
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)
