import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import CLIPSegConfig, CLIPSegForImageSegmentation
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from segmentation.checkpoint import WEIGHTS, Checkpoint
from segmentation.clipseg import ClipSeg, Conditions
from segmentation.device import choose_device
from segmentation.errors import BoxError, CheckpointError


@pytest.fixture(scope="module")
def engine(tiny_checkpoint: Path) -> ClipSeg:
    return ClipSeg.load(tiny_checkpoint, device="cpu")


@pytest.fixture
def folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "mine"))


def pictures(number: int, size: int = 352, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (number, size, size, 3), np.uint8)


def normalised(views: NDArray[np.uint8]) -> Tensor:
    """Through the processor of transformers, not through the engine."""
    processor = ViTImageProcessorPil(
        size={"height": views.shape[1], "width": views.shape[2]},
        image_mean=[0.485, 0.456, 0.406],  # the class would take 0.5
        image_std=[0.229, 0.224, 0.225],
    )
    pixels: Tensor = processor(list(views), return_tensors="pt")["pixel_values"]
    return pixels


def plain_forward(model: nn.Module, views: NDArray[np.uint8], vectors: NDArray[np.float32]) -> Tensor:
    """One full forward of transformers per view and condition, (B, P, S, S)."""
    pixels = normalised(views)
    with torch.inference_mode():
        logits = [
            model(pixel_values=view[None], conditional_embeddings=torch.from_numpy(vector[None])).logits
            for view in pixels
            for vector in vectors
        ]
    return torch.stack(logits).reshape(len(views), len(vectors), *views.shape[1:3])


def test_equals_the_plain_forward_for_the_shape_of_rd64_refined() -> None:
    config = CLIPSegConfig(
        # The text tower is compared on the tiny model; here it would only cost seconds.
        text_config={"num_hidden_layers": 1, "vocab_size": 1000},
        vision_config={"patch_size": 16},
        reduce_dim=64,
        use_complex_transposed_convolution=True,
    )
    torch.manual_seed(0)
    model = CLIPSegForImageSegmentation(config).eval()
    # transformers draws these with a deviation of 1.0, which makes logits in the hundreds and parity vain.
    for module in model.decoder.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            module.reset_parameters()
    engine = ClipSeg(model, None, Checkpoint(Path(), "random", ""), choose_device("cpu"))
    views = pictures(1)
    vectors = np.random.default_rng(1).normal(size=(2, 512)).astype(np.float32)
    expected = plain_forward(model, views, vectors)
    logits = engine.decode(engine.encode(views), Conditions(("a", "b"), vectors))
    assert logits.shape == (1, 2, 352, 352)
    assert logits.dtype == np.float32
    assert expected.std() > 0.01
    np.testing.assert_allclose(logits, expected.numpy(), atol=1e-4)


def test_a_mask_is_drawn_once(tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ClipSeg.load(tiny_checkpoint, device="cpu")
    drawn: list[int] = []
    draw = engine._drawn

    def drawing(reduced: Tensor, vectors: Tensor) -> Tensor:
        drawn.append(len(vectors))
        return draw(reduced, vectors)

    monkeypatch.setattr(engine, "_drawn", drawing)
    views, size = engine.encode(pictures(2, engine.size)), engine._model.config.projection_dim
    vectors = np.random.default_rng(1).normal(size=(3, size)).astype(np.float32)
    first = engine.decode(views, Conditions(("a", "b"), vectors[:2]))
    again = engine.decode(engine.encode(pictures(2, engine.size)), Conditions(("c", "b"), vectors[[2, 1]]))
    np.testing.assert_array_equal(again[:, 1], first[:, 1])
    assert np.abs(again[:, 0] - first[:, 0]).max() > 0
    assert sum(drawn) == 4 + 2  # both views under a and b, then under c alone


def test_a_text_condition_equals_that_of_transformers_in_any_company(engine: ClipSeg) -> None:
    texts = ["red can", "a photo of one blue bottle", "x"]
    together = engine.text(texts).vectors
    for text, vector in zip(texts, together, strict=True):
        tokens = engine._tokenizer([text], return_tensors="pt")
        alone = engine._model.get_conditional_embeddings(batch_size=1, **tokens)
        np.testing.assert_allclose(vector, alone[0].numpy(), atol=1e-5)


def test_an_image_condition_comes_from_the_whole_tower(engine: ClipSeg) -> None:
    # A photo in ImageNet's mean colour: the prepared prompt is that colour everywhere.
    photo = np.full((90, 120, 3), np.round(np.array([0.485, 0.456, 0.406]) * 255), np.uint8)
    vector = engine.image(photo, (10, 10, 60, 80)).vectors
    flat = np.broadcast_to(photo[0, 0], (1, 352, 352, 3))
    expected = engine._model.get_conditional_embeddings(batch_size=1, conditional_pixel_values=normalised(flat))
    np.testing.assert_allclose(vector, expected.numpy(), atol=1e-4)


def test_an_example_box_outside_the_photo_is_refused(engine: ClipSeg) -> None:
    with pytest.raises(BoxError, match="120 x 90"):
        engine.image(np.zeros((90, 120, 3), np.uint8), (100, 10, 130, 50))


def test_very_long_texts_are_cut_to_what_the_model_reads(engine: ClipSeg) -> None:
    assert engine.text(["bottle " * 200]).vectors.shape == (1, 16)


def test_a_view_seen_before_is_not_encoded_again(tiny_checkpoint: Path) -> None:
    engine = ClipSeg.load(tiny_checkpoint, device="cpu")
    views = pictures(3)
    first = engine.encode(views)
    assert engine.encoded == 3
    again = engine.encode(views[[2, 0, 2]])
    assert engine.encoded == 3
    assert torch.equal(again.reduced, first.reduced[:, [2, 0, 2]])
    engine.encode(pictures(1, seed=9))
    assert engine.encoded == 4


def test_the_same_view_twice_in_a_batch_is_encoded_once(tiny_checkpoint: Path) -> None:
    engine = ClipSeg.load(tiny_checkpoint, device="cpu")
    engine.encode(pictures(2)[[0, 1, 0]])
    assert engine.encoded == 2


def test_decoding_in_small_batches_changes_nothing(engine: ClipSeg, monkeypatch: pytest.MonkeyPatch) -> None:
    activations, conditions = engine.encode(pictures(3)), engine.text(["red can", "jar"])
    whole = engine.decode(activations, conditions)
    monkeypatch.setattr("segmentation.device.CPU_BATCH_BYTES", 1)
    np.testing.assert_allclose(engine.decode(activations, conditions), whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(2, 224, 224, 3), (2, 352, 352), (2, 352, 300, 3)])
def test_views_of_another_shape_are_a_bug_of_the_caller(engine: ClipSeg, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="views must be"):
        engine.encode(np.zeros(shape, np.uint8))


def test_another_picture_size_works_when_the_checkpoint_says_so(folder: Path) -> None:
    settings = {"size": {"height": 96, "width": 96}}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")
    engine = ClipSeg.load(folder, device="cpu")
    views = pictures(1, size=96)
    conditions = engine.text(["can"])
    logits = engine.decode(engine.encode(views), conditions)
    expected = plain_forward(engine._model, views, conditions.vectors)
    assert logits.shape == (1, 1, 96, 96)
    np.testing.assert_allclose(logits, expected.numpy(), atol=1e-4)


def test_threads_get_what_one_thread_gets(engine: ClipSeg) -> None:
    views, names = pictures(4, seed=5), ["red can", "blue jar", "box", "bag"]
    expected = {name: engine.decode(engine.encode(views), engine.text([name])) for name in names}
    results: dict[str, NDArray[np.float32]] = {}

    def work(name: str) -> None:
        results[name] = engine.decode(engine.encode(views), engine.text([name]))

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in names:
        np.testing.assert_array_equal(results[name], expected[name])


def test_averaging_and_mixing_use_raw_vectors() -> None:
    both = Conditions(("can", "tin"), np.array([[1, 0], [3, 4]], np.float32))
    assert both.average().vectors.tolist() == [[2, 2]]
    example = Conditions(("example",), np.array([[6, 6]], np.float32))
    assert both.mixed(example, 0.75).vectors.tolist() == [[3, 3]]


@pytest.mark.parametrize("keep", [5, 500, 60_000])
def test_a_truncated_weights_file_ends_in_one_line(folder: Path, keep: int) -> None:
    weights = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(weights[:keep])
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be used \(SafetensorError") as caught:
        ClipSeg.load(folder, device="cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"reduce_dim": 16}, "do not fit config.json; decoder"),  # other shapes
        ({"extract_layers": [0, 1, 2, 3]}, "missing"),  # a layer that the file does not have
        ({"extract_layers": [0, 1, 4]}, "not among its 4 layers"),
    ],
)
def test_weights_of_another_shape_end_in_one_line(folder: Path, values: dict[str, object], words: str) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")
    with pytest.raises(CheckpointError, match=words) as caught:
        ClipSeg.load(folder, device="cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", '{"model_type": "clipseg", "vision_config": {"hidden_size": "wide"}}'),
        ("config.json", '{"model_type": "clipseg", "vision_config": {"hidden_act": "nonsense"}}'),
        ("config.json", '{"model_type": "clipseg", "vision_config": {"patch_size": 0}}'),
        ("tokenizer.json", "nonsense"),
        ("tokenizer.json", "{}"),
    ],
)
def test_files_made_elsewhere_end_in_one_line_whatever_is_wrong(folder: Path, file: str, content: str) -> None:
    (folder / file).write_text(content, encoding="utf-8")
    with pytest.raises(CheckpointError, match="cannot be used") as caught:
        ClipSeg.load(folder, device="cpu")
    assert "\n" not in str(caught.value)


def test_weights_saved_in_half_precision_are_used_in_float32(folder: Path) -> None:
    CLIPSegForImageSegmentation.from_pretrained(folder, dtype=torch.float16).save_pretrained(folder)
    model = ClipSeg.load(folder, device="cpu")._model
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_a_tokenizer_of_another_model_is_refused(folder: Path) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["text_config"]["eos_token_id"] = 1
    path.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(CheckpointError, match="does not end texts with"):
        ClipSeg.load(folder, device="cpu")
