"""Actors of a Ray cluster: paths and prompts go in, summaries come out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sam2long.batch.executors.base import Beat, Died, Ended, Event, Ready, Unable
from sam2long.batch.work import Place, Pulse, Runner, Work, attempt
from sam2long.errors import ConfigError, UserError
from sam2long.running.interrupt import Stop

_POLL = 2.0
"""Seconds between two questions for signs of life."""


@dataclass(frozen=True)
class RayCluster:
    """Which cluster to use, and what an actor needs.

    Attributes:
        address: of an existing cluster, or "auto"; None starts one on this machine.
        workers: number of actors; None for as many as the cluster has room for.
        per_gpu: number of actors that share a GPU.
        threads: CPU cores of each actor.
    """

    address: str | None = None
    workers: int | None = None
    per_gpu: int = 1
    threads: int = 1


class RayExecutor:
    """One actor per slot, with one method in flight; a dead actor's place is taken by a new one, on any node.

    Attributes:
        slots: number of actors.

    Raises:
        ConfigError: Ray is not installed, the cluster cannot be reached, or it has no room for a single actor.
    """

    def __init__(self, work: Work, cluster: RayCluster) -> None:
        try:
            import ray
        except ImportError as error:
            raise ConfigError("--executor ray needs Ray: pip install 'sam2long[batch]'") from error
        self._ray = ray
        self._owns = not ray.is_initialized()
        if self._owns:
            try:
                ray.init(address=cluster.address, log_to_driver=False, include_dashboard=False, logging_level="error")
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise ConfigError(f"no Ray cluster at {cluster.address}: {str(error).splitlines()[0]}") from error
        resources = ray.cluster_resources()
        gpus = resources.get("GPU", 0)
        room = int(gpus) * cluster.per_gpu if gpus else int(resources.get("CPU", 0)) // cluster.threads
        self.slots = cluster.workers or room
        if self.slots < 1:
            self._leave()
            raise ConfigError(f"the Ray cluster has no room for a worker with {cluster.threads} cores")
        needs = {"num_cpus": cluster.threads, "num_gpus": 1 / cluster.per_gpu if gpus else 0}
        # Not restarted by Ray: the scheduler decides, since a job must not be repeated in silence.
        self._class = ray.remote(_Actor).options(max_restarts=0, max_concurrency=2, **needs)
        self._work, self._place = work, Place(None, cluster.threads)
        self._actors: dict[int, Any] = {}
        self._calls: dict[Any, tuple[int, str]] = {}
        self._polled = time.monotonic()

    def now(self) -> float:
        """Seconds on a clock that only goes forward."""
        return time.monotonic()

    def start(self, slot: int) -> None:
        """Create an actor; it waits until the cluster has room for it."""
        self._actors[slot] = self._class.remote(self._work, self._place)
        self._call(slot, "start")

    def submit(self, slot: int, payload: Any) -> None:
        """Call an actor."""
        self._call(slot, "run", payload)

    def kill(self, slot: int) -> None:
        """Kill an actor."""
        actor = self._actors.pop(slot, None)
        self._calls = {ref: call for ref, call in self._calls.items() if call[0] != slot}
        if actor is not None:
            self._ray.kill(actor, no_restart=True)

    def wait(self, seconds: float) -> list[Event]:
        """Collect what calls have returned, and ask busy actors for signs of life now and then."""
        self._poll()
        if not self._calls:
            time.sleep(max(0.0, min(seconds, _POLL)))
            return []
        done, _ = self._ray.wait(list(self._calls), timeout=max(0.0, min(seconds, _POLL)))
        if done:  # and all others that have returned meanwhile
            done, _ = self._ray.wait(list(self._calls), num_returns=len(self._calls), timeout=0)
        events = [self._event(ref, *self._calls.pop(ref)) for ref in done if ref in self._calls]
        return [event for event in events if event is not None]

    def close(self, grace: float) -> None:
        """Stop busy actors, wait for them, kill all; a cluster that was started here is shut down."""
        if grace > 0:
            busy = [ref for ref, (slot, method) in self._calls.items() if method == "run"]
            for ref in busy:
                self._actors[self._calls[ref][0]].stop.remote()
            if busy:
                self._ray.wait(busy, num_returns=len(busy), timeout=grace)
        for slot in list(self._actors):
            self.kill(slot)
        self._leave()

    def _leave(self) -> None:
        if self._owns:
            self._ray.shutdown()

    def _call(self, slot: int, method: str, *words: Any) -> None:
        self._calls[getattr(self._actors[slot], method).remote(*words)] = (slot, method)

    def _poll(self) -> None:
        if time.monotonic() - self._polled < _POLL:
            return
        self._polled = time.monotonic()
        asked = {slot for slot, method in self._calls.values() if method == "pulse"}
        for slot in {slot for slot, method in self._calls.values() if method == "run"} - asked:
            self._call(slot, "pulse")

    def _event(self, ref: Any, slot: int, method: str) -> Event | None:
        try:
            value = self._ray.get(ref)
        except self._ray.exceptions.RayError as error:
            if method == "pulse":  # the call of `run` tells
                return None
            self.kill(slot)
            return Died(slot, f"the worker died: {' '.join(str(error).split())[:200]}")
        if method == "pulse":
            return Beat(slot, *value)
        if method == "start":
            return self._begun(slot, value)
        if value is None:  # stopped from outside, as by a node that is drained
            self.kill(slot)
            return Died(slot, "the worker was stopped")
        return Ended(slot, value)

    def _begun(self, slot: int, value: Mapping[str, str] | Unable) -> Event:
        if isinstance(value, Unable):
            self.kill(slot)
            return Unable(slot, value.error, value.hopeless)
        return Ready(slot, value)


class _Actor:
    """A worker; `pulse` and `stop` run on another thread than `run`."""

    def __init__(self, work: Work, place: Place) -> None:
        self._work, self._place = work, place
        self._runner: Runner | None = None
        self._pulse, self._stop = Pulse(), Stop()

    def start(self) -> Mapping[str, str] | Unable:
        """Load the network."""
        self._place.settle()
        try:
            self._runner = self._work.start(self._place)
        except Exception as error:
            return Unable(0, " ".join(str(error).split()) or repr(error), isinstance(error, UserError))
        return dict(self._runner.facts)

    def run(self, payload: Any) -> Any:
        """Do a payload."""
        assert self._runner is not None
        self._pulse, self._stop = Pulse(), Stop()
        return attempt(self._runner, payload, self._pulse, self._stop)

    def pulse(self) -> tuple[int, int]:
        """Signs of life."""
        return self._pulse.frames, self._pulse.alive

    def stop(self) -> None:
        """Ask `run` to save what it has and to return None."""
        self._stop.ask()
