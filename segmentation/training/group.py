"""Processes that train together, as torchrun starts them; one alone when it did not."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn


@dataclass(frozen=True)
class Group:
    """Which process of how many this is."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes and reports."""
        return self.rank == 0

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """The leader goes through a block before the others: it may write what they read."""
        if not self.leads:
            distributed.barrier()
        yield
        if self.leads and self.size > 1:
            distributed.barrier()

    def mean(self, values: Tensor) -> Tensor:
        """The mean over all processes, and over those alone that have a number."""
        if self.size == 1:
            return values
        known = ~values.isnan()
        sums = torch.stack([values.nan_to_num(0.0), known.float()])
        distributed.all_reduce(sums)
        return sums[0] / sums[1]

    def any(self, here: bool, device: torch.device) -> bool:
        """Whether it holds in any process."""
        if self.size == 1:
            return here
        flag = torch.tensor(float(here), device=device)
        distributed.all_reduce(flag)
        return bool(flag > 0)

    def share(self, module: nn.Module, device: torch.device) -> Any:
        """The module with gradients averaged over all processes; itself when there is but one."""
        if self.size == 1:
            return module
        # Blocks behind the last one that the decoder reads have no gradient without an example picture.
        on = [device] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(module, device_ids=on, find_unused_parameters=True)


@contextmanager
def joined(device: torch.device) -> Iterator[Group]:
    """The group of this process: torchrun's when it started us (RANK, WORLD_SIZE), else one of its own."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Group()
        return
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Group(distributed.get_rank(), size)
    finally:
        distributed.destroy_process_group()
