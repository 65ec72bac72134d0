"""Damaged session files: their bytes, or one of their members."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
from safetensors.numpy import load, save

from tests.fuzz.corpus import Corpus
from tests.fuzz.mutate import mutate, mutate_json, mutate_zip


def damage_session(draw: Random, corpus: Corpus, path: Path) -> None:
    """Write one to `path`."""
    source = draw.choice(corpus.sessions)
    if draw.random() < 0.25:
        path.write_bytes(mutate(draw, source.read_bytes(), corpus.model.read_bytes()))
    else:
        changes = {"session.json": mutate_json, "traces.jsonl": _mutate_lines, ".safetensors": _mutate_tensors}
        mutate_zip(draw, source, path, changes)


def _mutate_lines(draw: Random, data: bytes) -> bytes:
    lines = data.splitlines()
    if draw.random() < 0.3 or not lines:
        return mutate(draw, data)
    at = draw.randrange(len(lines))
    lines[at] = mutate_json(draw, lines[at])
    return b"\n".join(lines)


def _mutate_tensors(draw: Random, data: bytes) -> bytes:
    """A safetensors member: bytes, or whole tensors."""
    if draw.random() < 0.3:
        return mutate(draw, data)
    arrays = load(data)
    if not arrays:
        return data
    name = draw.choice(sorted(arrays))
    value = arrays[name]
    kind = draw.randrange(6)
    if kind == 0:
        del arrays[name]
    elif kind == 1:
        arrays[name] = value.flatten()[:-1].copy()
    elif kind == 2:
        arrays[name] = np.concatenate([value.flatten(), value.flatten()[:1]])
    elif kind == 3:
        arrays[name] = value.astype(draw.choice((np.float64, np.int8, np.float16, np.uint64)))
    else:
        odd = draw.choice((-1, 0, 1, 10**6, 2**62, np.nan, np.inf))
        changed = value.astype(np.float64).flatten()
        changed[draw.randrange(len(changed)) if len(changed) else slice(0)] = odd
        with np.errstate(all="ignore"):
            arrays[name] = changed.reshape(value.shape).astype(value.dtype)
    return save(arrays)
