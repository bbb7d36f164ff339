"""Counters for Prometheus in its text format (https://prometheus.io/docs/instrumenting/exposition_formats/)."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from segmentation.errors import ShelfError
from tools.serving.failure import ServingError

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Metrics:
    """How often, how long, and how it ended, for each kind of work."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ended: Counter[tuple[str, str]] = Counter()
        self._within: Counter[tuple[str, float]] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._gauges: dict[str, tuple[str, Callable[[], int]]] = {}

    def gauge(self, name: str, help: str, read: Callable[[], int]) -> None:
        """A number that is read when it is asked for."""
        self._gauges[name] = (help, read)

    @contextmanager
    def measured(self, work: str) -> Iterator[None]:
        """Count and time one piece of work."""
        started = time.perf_counter()
        outcome = "cancelled"
        try:
            yield
            outcome = "ok"
        except ServingError:
            outcome = "unserved"
            raise
        except ShelfError:
            outcome = "refused"
            raise
        except Exception:
            outcome = "bug"
            raise
        finally:
            seconds = time.perf_counter() - started
            with self._lock:
                self._ended[work, outcome] += 1
                self._seconds[work] += seconds
                self._within.update((work, bucket) for bucket in BUCKETS if seconds <= bucket)

    def text(self) -> str:
        """Everything, as Prometheus reads it."""
        with self._lock:
            lines = ["# HELP shelf_calls_total Calls by how they ended.", "# TYPE shelf_calls_total counter"]
            lines += [
                f'shelf_calls_total{{work="{work}",outcome="{outcome}"}} {count}'
                for (work, outcome), count in sorted(self._ended.items())
            ]
            lines += [
                "# HELP shelf_call_seconds Seconds from arrival to end.",
                "# TYPE shelf_call_seconds histogram",
            ]
            for work in sorted(self._seconds):
                total = sum(count for (each, _), count in self._ended.items() if each == work)
                lines += [
                    f'shelf_call_seconds_bucket{{work="{work}",le="{bucket:g}"}} {self._within[work, bucket]}'
                    for bucket in BUCKETS
                ]
                lines.append(f'shelf_call_seconds_bucket{{work="{work}",le="+Inf"}} {total}')
                lines.append(f'shelf_call_seconds_sum{{work="{work}"}} {self._seconds[work]:.6f}')
                lines.append(f'shelf_call_seconds_count{{work="{work}"}} {total}')
        for name, (help, read) in self._gauges.items():
            lines += [f"# HELP {name} {help}", f"# TYPE {name} gauge", f"{name} {read()}"]
        return "\n".join(lines) + "\n"
