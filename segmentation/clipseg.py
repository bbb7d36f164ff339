"""CLIPSeg with the photo encoded once and decoded for any number of conditions.

The transformers model is used layer by layer. Views pass the encoder only as far as the last layer that the
decoder reads; the decoder's own reductions of those layers are what is cached, because they do not depend on
the condition and are a twelfth of the size. An example picture passes the whole tower: its condition is the
pooled output of the last layer. The result equals the plain forward of transformers (a test holds that).

Lüddecke and Ecker, "Image Segmentation Using Text and Image Prompts", https://arxiv.org/abs/2112.10003
"""

import hashlib
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segmentation.cache import ByteCache
from segmentation.checkpoint import WEIGHTS, Checkpoint, resolve
from segmentation.device import Device, DeviceWish, choose_device
from segmentation.errors import CheckpointError
from segmentation.geometry import Box
from segmentation.unet import UNetDecoder
from segmentation.visual_prompt import visual_prompt

ACTIVATION_CACHE_BYTES = 192 * 2**20  # about 500 views of 352 px with 64 reduced channels
CONDITION_CACHE_BYTES = 4 * 2**20
MASK_CACHE_BYTES = 64 * 2**20  # 135 masks of 352 px: the views of a photo under the wordings that were compared on it
LEGACY_EOS = 2  # in configurations of old files; there transformers pools at the largest token id instead


@dataclass(frozen=True, eq=False)
class Conditions:
    """What the decoder is asked for: raw projected vectors (not of unit length), one per name.

    Raw vectors may be averaged and mixed: CLIPSeg was trained on mixtures of text and image vectors.

    Several conditions of one target agree where the least of their logits is high. With weights, the weighted mean of
    their logits counts instead.
    """

    names: tuple[str, ...]
    vectors: NDArray[np.float32]  # (P, D)
    weights: tuple[float, ...] = ()  # one per name, 1 in all; none: the least counts

    def __len__(self) -> int:
        return len(self.names)

    def agreed(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """What they say together, (B, S, S), of the logits of each, (B, P, S, S)."""
        if self.weights:
            return np.asarray(np.tensordot(logits, np.array(self.weights, np.float32), axes=([1], [0])))
        return np.asarray(logits.min(axis=1))

    def beside(self, other: "Conditions", share: float) -> "Conditions":
        """These and the others, which weigh so much together."""
        mine = self.weights or (1 / len(self),) * len(self)
        weights = (*((1 - share) * weight for weight in mine), *(share / len(other),) * len(other))
        return Conditions(self.names + other.names, np.concatenate([self.vectors, other.vectors]), weights)

    def average(self) -> "Conditions":
        """One condition: the mean of all (an ensemble of wordings of one target)."""
        return Conditions((" | ".join(self.names),), self.vectors.mean(axis=0, keepdims=True))

    def mixed(self, other: "Conditions", weight: float) -> "Conditions":
        """One condition: `weight` of these, the rest of the other (words with an example picture)."""
        mine, theirs = self.average(), other.average()
        vectors = weight * mine.vectors + (1 - weight) * theirs.vectors
        return Conditions((f"{mine.names[0]} + {theirs.names[0]}",), vectors.astype(np.float32))


@dataclass(frozen=True, eq=False)
class Activations:
    """Encoded views: the extracted layers, reduced by the decoder, deepest first.

    `keys` tell the views, one each; masks of views without keys are not kept.
    """

    reduced: Tensor  # (L, B, tokens + 1, D) on the model's device
    keys: tuple[Hashable, ...] = ()

    def __len__(self) -> int:
        return int(self.reduced.shape[1])


class ClipSeg:
    """A loaded CLIPSeg. May be shared between threads: one call computes at a time."""

    def __init__(self, model: Any, tokenizer: Any, checkpoint: Checkpoint, device: Device) -> None:
        self.checkpoint = checkpoint
        self.device = device
        self.size = checkpoint.input.size
        self._model = model.to(device.name).eval()
        self._tokenizer = tokenizer
        self._mean = torch.tensor(checkpoint.input.mean, device=device.name).view(1, 3, 1, 1) * 255
        self._std = torch.tensor(checkpoint.input.std, device=device.name).view(1, 3, 1, 1) * 255
        self._lock = threading.RLock()
        self._views: ByteCache[Tensor] = ByteCache(ACTIVATION_CACHE_BYTES)
        self._conditions: ByteCache[NDArray[np.float32]] = ByteCache(CONDITION_CACHE_BYTES)
        self._masks: ByteCache[NDArray[np.float32]] = ByteCache(MASK_CACHE_BYTES)
        self.encoded = 0  # views that really passed the encoder

    @classmethod
    def load(cls, reference: str | Path | None = None, device: DeviceWish = "auto") -> "ClipSeg":
        """Loads the checkpoint that a folder, a name or a hub id stands for; None is the shipped one.

        Raises:
            CheckpointError: weights missing, refused, damaged, or not fitting their configuration.
        """
        checkpoint = resolve(reference)
        chosen = choose_device(device)
        return cls(*load_parts(checkpoint), checkpoint, chosen)

    @property
    def dtype(self) -> str:
        """The number format, with its reason."""
        return f"{self.device.dtype} ({self.device.reason})"

    def text(self, texts: Sequence[str]) -> Conditions:
        """One condition per text, in their order."""
        with self._lock, torch.inference_mode():
            vectors: dict[str, NDArray[np.float32]] = {}
            for text in texts:
                if (vector := self._conditions.get(("text", text))) is not None:
                    vectors[text] = vector
            missing = [text for text in dict.fromkeys(texts) if text not in vectors]
            if missing:
                tokens = self._tokenizer(
                    missing,
                    padding=True,
                    truncation=True,
                    max_length=self._model.config.text_config.max_position_embeddings,
                    return_tensors="pt",
                ).to(self.device.name)
                output = self._model.clip.get_text_features(tokens["input_ids"], tokens["attention_mask"])
                for text, row in zip(missing, output.pooler_output.float().cpu().numpy(), strict=True):
                    vectors[text] = row
                    self._conditions.put(("text", text), row, row.nbytes)
        return Conditions(tuple(texts), np.stack([vectors[text] for text in texts]))

    def image(self, pixels: NDArray[np.uint8], box: Box) -> Conditions:
        """The condition of an example: a box on a photo.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            box: the example, in pixels of that photo.

        Raises:
            BoxError: the box lies outside the photo or has no area.
        """
        picture = visual_prompt(pixels, box, self.size, self.checkpoint.input.mean)
        key = ("image", hashlib.sha256(picture.tobytes()).digest(), picture.shape)
        with self._lock, torch.inference_mode():
            vector = self._conditions.get(key)
            if vector is None:
                vision = self._model.clip.vision_model
                hidden = self._embedded(picture[None])
                for layer in vision.encoder.layers:
                    hidden = layer(hidden, None)
                pooled = self._model.clip.visual_projection(vision.post_layernorm(hidden[:, 0]))
                vector = pooled[0].float().cpu().numpy()
                self._conditions.put(key, vector, vector.nbytes)
        return Conditions(("example",), vector[None])

    def encode(self, views: NDArray[np.uint8]) -> Activations:
        """Encodes square views; those seen before come from the cache.

        Args:
            views: (B, S, S, 3) uint8 RGB with S = `size`.
        """
        if views.ndim != 4 or views.shape[1:] != (self.size, self.size, 3) or views.dtype != np.uint8:
            raise ValueError(f"views must be (B, {self.size}, {self.size}, 3) uint8, got {views.shape} {views.dtype}")
        # The size and the mode belong to the key: pictures of other shapes can have the same bytes.
        keys = [(hashlib.sha256(view.tobytes()).digest(), self.size, "RGB") for view in views]
        with self._lock, torch.inference_mode():
            found = {key: self._views.get(key) for key in keys}
            missing = [index for index, key in enumerate(keys) if found[key] is None and keys.index(key) == index]
            batch = self.device.batch(self._encoder_bytes())
            for start in range(0, len(missing), batch):
                chosen = missing[start : start + batch]
                reduced = self._reduced(views[chosen])  # (L, b, tokens + 1, D)
                self.encoded += len(chosen)
                for position, index in enumerate(chosen):
                    one = reduced[:, position].clone()
                    found[keys[index]] = one
                    self._views.put(keys[index], one, one.nelement() * one.element_size())
            ordered = [tensor for key in keys if (tensor := found[key]) is not None]
            return Activations(torch.stack(ordered, dim=1), tuple(keys))

    def decode(self, activations: Activations, conditions: Conditions) -> NDArray[np.float32]:
        """Logits of every view for every condition, (B, P, S, S); the sigmoid is left to the caller.

        Masks that were drawn before, to compare wordings say, come from the cache.
        """
        views, prompts = len(activations), len(conditions)
        asked = [vector.tobytes() for vector in conditions.vectors]
        keys = [(view, condition) for view in activations.keys for condition in asked]
        logits = np.empty((views * prompts, self.size, self.size), np.float32)
        with self._lock, torch.inference_mode():
            known = [self._masks.get(key) for key in keys] or [None] * len(logits)
            for pair, mask in enumerate(known):
                if mask is not None:
                    logits[pair] = mask
            missing = [pair for pair, mask in enumerate(known) if mask is None]
            vectors = torch.from_numpy(conditions.vectors).to(self.device.name)
            batch = self.device.batch(self._decoder_bytes())
            for start in range(0, len(missing), batch):
                chosen = missing[start : start + batch]
                view, condition = np.divmod(chosen, prompts)
                drawn = self._drawn(activations.reduced[:, view], vectors[condition]).float().cpu().numpy()
                logits[chosen] = drawn
                for pair, mask in zip(chosen, drawn, strict=True):
                    if keys:
                        self._masks.put(keys[pair], mask.copy(), mask.nbytes)
        return logits.reshape(views, prompts, self.size, self.size)

    def gradient_step(
        self, activations: Activations, vector: NDArray[np.float32], loss: Callable[[Tensor], Tensor]
    ) -> tuple[float, NDArray[np.float32]]:
        """A loss of the logits under one condition, and its gradient for the condition.

        Args:
            activations: of B views.
            vector: (D,), the condition.
            loss: one number from the logits (B, S, S).
        """
        with self._lock, torch.enable_grad():
            leaf = torch.tensor(vector, device=self.device.name, requires_grad=True)
            # Cloned: what was encoded without gradients cannot take part in them.
            value = loss(self._drawn(activations.reduced.clone(), leaf.expand(len(activations), -1)))
            (gradient,) = torch.autograd.grad(value, leaf)
        return float(value.detach()), gradient.float().cpu().numpy()

    def _drawn(self, reduced: Tensor, vectors: Tensor) -> Tensor:
        """Logits (b, S, S) of reduced levels (L, b, tokens + 1, D) for one condition each, (b, projection)."""
        decoder = self._model.decoder
        if isinstance(decoder, UNetDecoder):
            return decoder.draw(reduced, vectors)
        hidden = torch.zeros((), device=self.device.name)
        for depth, layer in enumerate(decoder.layers):
            hidden = reduced[depth] + hidden  # (b, tokens + 1, D)
            if depth == decoder.conditional_layer:
                hidden = decoder.film_mul(vectors)[:, None] * hidden + decoder.film_add(vectors)[:, None]
            hidden = layer(hidden, None)
        grid = self.size // self._model.config.vision_config.patch_size
        image = hidden[:, 1:].transpose(1, 2).reshape(len(vectors), -1, grid, grid)
        return decoder.transposed_convolution(image)[:, 0]  # type: ignore[no-any-return]

    def _embedded(self, views: NDArray[np.uint8]) -> Tensor:
        """Normalised views after the embedding, (B, tokens + 1, width)."""
        pixels = torch.from_numpy(np.ascontiguousarray(views)).to(self.device.name).permute(0, 3, 1, 2)
        vision = self._model.clip.vision_model
        embedded = vision.embeddings((pixels.float() - self._mean) / self._std, interpolate_pos_encoding=True)
        return vision.pre_layrnorm(embedded)  # type: ignore[no-any-return]  # transformers' own spelling

    def _reduced(self, views: NDArray[np.uint8]) -> Tensor:
        extracted = self._model.extract_layers
        hidden = self._embedded(views)
        kept: dict[int, Tensor] = {}
        for index, layer in enumerate(self._model.clip.vision_model.encoder.layers[: max(extracted) + 1]):
            hidden = layer(hidden, None)
            if index in extracted:
                kept[index] = hidden
        deepest_first = [kept[index] for index in extracted[::-1]]
        return torch.stack(
            [reduce(layer) for reduce, layer in zip(self._model.decoder.reduces, deepest_first, strict=True)]
        )

    def _tokens(self) -> int:
        return int((self.size // self._model.config.vision_config.patch_size) ** 2 + 1)

    def _encoder_bytes(self) -> int:
        """Working memory of one view: the widest tensors of a layer, in float32."""
        vision = self._model.config.vision_config
        return int(self._tokens() * 4 * (2 * vision.intermediate_size + 6 * vision.hidden_size))

    def _decoder_bytes(self) -> int:
        config = self._model.config
        return int(self._tokens() * 4 * (2 * config.decoder_intermediate_size + 64 * config.reduce_dim))


def load_parts(checkpoint: Checkpoint) -> tuple[Any, Any]:
    """The model (float32) and the tokenizer of a checked folder.

    Raises:
        CheckpointError: A file is damaged or does not fit the others.
    """
    import transformers

    from segmentation.segmenter import PromptSegmenter

    with blaming(checkpoint, "config.json"):
        config = transformers.CLIPSegConfig.from_pretrained(checkpoint.folder, local_files_only=True)
        _check_shape(config, checkpoint)
        with torch.device("meta"):
            empty = PromptSegmenter(config)
    with blaming(checkpoint, WEIGHTS):
        _check_weights(empty, checkpoint)
        transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        model = PromptSegmenter.from_pretrained(
            checkpoint.folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
        )
    with blaming(checkpoint, "the tokenizer"):
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            checkpoint.folder, local_files_only=True, trust_remote_code=False
        )
        check_tokenizer(tokenizer, config, checkpoint.name)
    return model, tokenizer


@contextmanager
def blaming(checkpoint: Checkpoint, part: str) -> Iterator[None]:
    """Names the part of a checkpoint that cannot be used: files made elsewhere fail in many ways."""
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    try:
        yield
    except (
        StrictDataclassError,
        SafetensorError,
        ArithmeticError,
        LookupError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        raise CheckpointError(f"{checkpoint.name}: {part} cannot be used ({reason})") from error


def _check_shape(config: Any, checkpoint: Checkpoint) -> None:
    patch = config.vision_config.patch_size
    if checkpoint.input.size % patch:
        raise CheckpointError(
            f"{checkpoint.name}: pictures of {checkpoint.input.size} px do not divide into {patch} px patches"
        )
    layers = config.vision_config.num_hidden_layers
    if not config.extract_layers or not all(0 <= index < layers for index in config.extract_layers):
        raise CheckpointError(
            f"{checkpoint.name}: extract_layers {config.extract_layers} are not among its {layers} layers"
        )
    if config.use_complex_transposed_convolution and patch != 16:
        raise CheckpointError(f"{checkpoint.name}: the refined head fits patches of 16 px only, not {patch}")


def _check_weights(empty: Any, checkpoint: Checkpoint) -> None:
    """Compares names and shapes: transformers would fill what is missing with random numbers."""
    from safetensors import safe_open

    wanted = {key: tuple(value.shape) for key, value in empty.state_dict().items()}
    with safe_open(checkpoint.folder / WEIGHTS, framework="pt") as file:
        given = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    wrong = sorted(key for key, shape in wanted.items() if given.get(key) != shape)
    if wrong:
        first = wrong[0]
        raise CheckpointError(
            f"{checkpoint.name}: {len(wrong)} of {len(wanted)} weights do not fit config.json; "
            f"{first} should be {wanted[first]} and is {given.get(first, 'missing')}"
        )


def check_tokenizer(tokenizer: Any, config: Any, name: str) -> None:
    """Compare a tokenizer with the text tower it feeds.

    Raises:
        CheckpointError: It knows more words than the model, or ends texts with another token.
    """
    text = config.text_config
    ids = tokenizer("red bottle")["input_ids"]
    if max(tokenizer.get_vocab().values()) >= text.vocab_size:
        raise CheckpointError(f"{name}: the tokenizer knows more words than the model ({text.vocab_size})")
    if text.eos_token_id not in (LEGACY_EOS, *ids):
        raise CheckpointError(f"{name}: the tokenizer does not end texts with the model's token {text.eos_token_id}")
