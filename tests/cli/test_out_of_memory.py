"""Running out of memory in the middle of a run: one line, what is finished is kept, the session goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from sam2long.errors import out_of_memory
from sam2long.model import SAM2

from .conftest import CLIP_FRAMES, Command

CUDA = "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.10 GiB"


@pytest.mark.parametrize("error", [torch.OutOfMemoryError(CUDA), MemoryError()])
def test_out_of_memory_is_one_line(
    error: Exception, sam2long: Command, clip: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def words(name: str) -> list[object]:
        common = ("track", clip, "--box", "4,16,20,32", "--save", "png", "--model", tiny_model)
        return [*common, "--session", tmp_path / f"{name}.s2l", "--out", tmp_path / name]

    assert sam2long(*words("whole")).status == 0
    encode, calls = SAM2.encode_memory, [0]

    def fails(*given: object, **more: object) -> object:
        calls[0] += 1
        if calls[0] == 6:
            raise error
        return encode(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(SAM2, "encode_memory", fails)
    ended = sam2long(*words("cut"))
    monkeypatch.undo()
    assert ended.status == 2 and ended.err.count("error: ") == 1 and "Traceback" not in ended.err
    assert "out of memory" in ended.err and "--image-size" in ended.err
    assert ("20.00 GiB" in ended.err) == isinstance(error, torch.OutOfMemoryError)
    summary = json.loads((tmp_path / "cut" / "summary.json").read_text(encoding="utf-8"))
    assert summary["complete"] is False and 0 < summary["frames_written"] < CLIP_FRAMES
    assert (tmp_path / "cut.s2l").exists()


def test_other_errors_are_none_of_its_business() -> None:
    assert out_of_memory(RuntimeError("shapes do not fit")) is None
    assert out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."))
