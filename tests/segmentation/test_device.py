import pytest
import torch

from segmentation.device import CPU_BATCH_BYTES, LARGEST_BATCH, Device, choose_device


def test_the_cpu_is_used_in_float32_and_says_why() -> None:
    device = choose_device("cpu")
    assert (device.name, device.dtype) == ("cpu", "float32")
    assert device.reason


def test_auto_takes_the_gpu_only_where_there_is_one() -> None:
    assert choose_device("auto").name == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize(
    ("bytes_per_item", "expected"),
    [
        (1, LARGEST_BATCH),  # never more than this at once
        (CPU_BATCH_BYTES // 3, 3),  # as many as fit
        (CPU_BATCH_BYTES * 2, 1),  # too large for the budget: still one
    ],
)
def test_batches_are_sized_to_memory(bytes_per_item: int, expected: int) -> None:
    assert Device("cpu", "float32", "").batch(bytes_per_item) == expected
