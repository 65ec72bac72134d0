"""Damaged checkpoints: their bytes, their configuration, their tensors, or a pickle of something else."""

from __future__ import annotations

import json
import os
import pickle
import struct
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from tests.fuzz.corpus import Corpus
from tests.fuzz.mutate import dump, mutate, mutate_json, mutate_value, mutate_zip


def damaged_checkpoint(draw: Random, corpus: Corpus, folder: Path) -> Path:
    """Write one into `folder`."""
    return draw.choice((_safetensors, _safetensors, _pickle, _pickle, _weights))(draw, corpus, folder)


def _safetensors(draw: Random, corpus: Corpus, folder: Path) -> Path:
    """Its bytes, or the JSON at its start."""
    path, data = folder / draw.choice(("w.safetensors", "w.safetensors", "w.pt")), corpus.model.read_bytes()
    if draw.random() < 0.3:
        path.write_bytes(mutate(draw, data))
        return path
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    if draw.random() < 0.7:
        config = json.loads(header["__metadata__"]["sam2long_config"])
        header["__metadata__"]["sam2long_config"] = mutate_json(draw, dump(config)).decode(errors="replace")
    else:
        name = draw.choice(sorted(header))
        header[name] = mutate_value(draw, header[name])
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + size :])
    return path


class _Touch:
    """Unpickled, it would make a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch was-run",)


def _pickle(draw: Random, corpus: Corpus, folder: Path) -> Path:
    """A zip of `torch.save`, its pickle, or a pickle of anything."""
    path = folder / draw.choice(("w.pt", "w.pt", "w.pth", "w"))
    kind = draw.random()
    if kind < 0.3:
        path.write_bytes(mutate(draw, corpus.pickle.read_bytes()))
    elif kind < 0.6:
        mutate_zip(draw, corpus.pickle, path, {".pkl": mutate, "byteorder": lambda *_: b"middle"})
    else:
        nested: Any = []
        nested.append(nested)
        odd = (None, 1, b"x", "x", [], {}, nested, _Touch(), {"model": _Touch()}, {"model": {}}, {"a": {1: 2}}, object)
        value = draw.choice((*odd, {"model": {"x": torch.zeros(2)}}, torch.zeros(0), np.zeros(3), {torch.zeros(1): 2}))
        if draw.random() < 0.5:
            path.write_bytes(pickle.dumps(value, draw.randrange(6)))
        else:
            torch.save(value, path)
    return path


def _weights(draw: Random, corpus: Corpus, folder: Path) -> Path:
    """Sound files with odd parameters."""
    state = load_file(corpus.model)
    for _ in range(draw.choice((1, 1, 3))):
        name = draw.choice(sorted(state))
        changed = _odd_tensor(draw, state.pop(name))
        if changed is not None:
            state[draw.choice((name, name, name, name + "x", "module." + name))] = changed
    if draw.random() < 0.5:
        with_config = dict(_metadata(corpus.model)) if draw.random() < 0.8 else None
        save_file(state, folder / "w.safetensors", with_config)
        return folder / "w.safetensors"
    torch.save({"model": state}, folder / "w.pt")
    return folder / "w.pt"


def _odd_tensor(draw: Random, value: torch.Tensor) -> torch.Tensor | None:
    kind = draw.randrange(6)
    if kind == 0:
        return None
    if kind == 1:
        return torch.full_like(value, draw.choice((float("nan"), float("inf"), -1e30, 0.0)))
    if kind == 2:
        return value.to(draw.choice((torch.float64, torch.float16, torch.int64, torch.bool, torch.uint8)))
    return draw.choice((value[None].contiguous(), value.flatten()[:-1].clone(), torch.zeros(0)))


def _metadata(path: Path) -> dict[str, str]:
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    metadata: dict[str, str] = json.loads(data[8 : 8 + size])["__metadata__"]
    return metadata
