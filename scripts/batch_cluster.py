"""Where a batch runs: processes of this machine, or the workers of somebody's Dask scheduler."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SCENE_BYTES = 3 * 2**30
"""Memory to have for every worker before another one is started: a whole scene's `clean`."""
CONNECT_S = 30
_PINNED = (
    "OMP_NUM_THREADS",  # torch, scikit-learn
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "GDAL_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)
_IMPORTED = (
    "distributed.nanny",
    "kumosan.scripts.main",  # by which a worker of the command `kumosan` begins
    "kumosan.scripts.batch_task",
    "scipy.ndimage",
    "cv2",
    "PIL.Image",
)
"""What every worker needs."""
_METHOD = "forkserver" if sys.platform == "linux" else "spawn"


def hurry() -> None:
    """Begin to import what workers will need, while the caller goes on with something else.

    On Linux one process imports it, and the workers of `cluster` are forked from that one; it ends
    with this process. Each by itself takes a core more than a second. Elsewhere nothing happens.
    """
    if _METHOD != "forkserver":
        return
    from multiprocessing import forkserver, get_context

    unset = [name for name in _PINNED if name not in os.environ]  # the user's own count
    try:
        os.environ.update(dict.fromkeys(unset, "1"))
        get_context(_METHOD).set_forkserver_preload(list(_IMPORTED))
        forkserver.ensure_running()
    finally:
        for name in unset:
            del os.environ[name]


@contextmanager
def cluster(scheduler: str | None, workers: int | None, retries: int) -> Iterator[Any]:
    """The client of a cluster, which is closed in the end if it is ours.

    Ours: ``workers`` processes of one thread each (default: a core each, and 3 GiB of memory),
    reachable from this machine only. They share the memory evenly; one that takes more than its
    part is started anew and its scene tried again.

    Args:
        scheduler: address of a scheduler to join; None starts a cluster here.
        workers: processes of the cluster that is started here.
        retries: how many workers may die of a scene before it counts as failed.

    Raises:
        MissingExtraError: Dask is not installed.
        UsageError: no scheduler answers there.
    """
    from ..datasets.errors import MissingExtraError, UsageError  # here: `hurry` needs none of it

    try:
        import dask
        from dask.system import CPU_COUNT
        from distributed import Client, LocalCluster
        from distributed.system import MEMORY_LIMIT
    except ModuleNotFoundError as error:
        raise MissingExtraError("kumosan batch", "cluster") from error

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"no Dask scheduler answers at {scheduler} ({error})",
                "an address like tcp://host:8786",
                "start one with `dask scheduler`, or leave --scheduler out",
            ) from error
        with client:
            yield client
        return
    n = workers or max(1, min(CPU_COUNT, MEMORY_LIMIT // SCENE_BYTES))
    settings = {
        "distributed.scheduler.allowed-failures": retries,
        "distributed.scheduler.worker-saturation": 1.0,  # no scene waits on a worker that may die
        "distributed.worker.profile.enabled": False,  # nobody looks at its samples, 100 a second
        "distributed.nanny.pre-spawn-environ": dict.fromkeys(_PINNED, "1"),
        "distributed.worker.multiprocessing-method": _METHOD,
        # A worker holds nothing for others: there is nothing to spill, and a pause would never end.
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": 0.95,
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=n,
            threads_per_worker=1,
            processes=True,
            memory_limit=MEMORY_LIMIT // n,
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs="CRITICAL",
        ) as local,
        Client(local, set_as_default=False) as client,
    ):
        yield client
