"""Where the model runs and in which number format, with the reason."""

from dataclasses import dataclass
from typing import Literal

DeviceWish = Literal["auto", "cpu", "cuda"]

# Work memory of one batch on a CPU. Larger batches were not faster there: the encoder is bound by arithmetic.
CPU_BATCH_BYTES = 256 * 2**20
LARGEST_BATCH = 16


@dataclass(frozen=True)
class Device:
    """A torch device name, the number format used on it, and why that format."""

    name: str
    dtype: str
    reason: str

    def batch(self, bytes_per_item: int) -> int:
        """How many items of that working size to compute at once; at least 1."""
        return max(1, min(LARGEST_BATCH, self._free_bytes() // max(1, bytes_per_item)))

    def _free_bytes(self) -> int:
        if self.name != "cuda":
            return CPU_BATCH_BYTES
        import torch

        free, _ = torch.cuda.mem_get_info()
        return int(free) // 4  # the rest is left to the allocator's cache and to other processes


def choose_device(wish: DeviceWish = "auto") -> Device:
    """CUDA when it is there and wanted, else the CPU.

    Always float32: bfloat16 is slower on a CPU without matrix units for it, and what half precision does to
    counts has been measured on no device.
    """
    import torch

    if wish == "cuda" or (wish == "auto" and torch.cuda.is_available()):
        return Device("cuda", "float32", "half precision on a GPU has not been checked against counts")
    return Device("cpu", "float32", "exact, and bfloat16 is faster only on few CPUs")
