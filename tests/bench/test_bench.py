"""The measuring is right where it can be checked without a clock: who does the work, and how much work there is."""

from __future__ import annotations

import json

import pytest
import torch

from sam2long import TreeConfig
from sam2long.bench import ABSENT, CERTAIN, PARTED, UNCERTAIN, Load, full_tree, measured_model, time_frames
from sam2long.bench.roofline import _count
from sam2long.cli import app
from sam2long.tracking.frame.tracker import Tracker
from tests.networks import SMALL


@pytest.fixture(scope="module")
def model():
    return measured_model(SMALL, torch.device("cpu"))


@torch.inference_mode()
def test_scripts_do_what_they_say(model):
    tree, first = TreeConfig(), SMALL.max_pointers
    tracker = Tracker(model, trees={1: full_tree(model, tree, 3)})
    features = model.encode_image(torch.zeros(1, 3, 128, 128))

    def decided(script, frame):
        model.script = script
        return [item.frame - first for item in tracker.step(first + frame, features, [1])]

    assert [decided(PARTED, frame) for frame in range(4)] == [[]] * 4
    assert decided(UNCERTAIN, 4) == [0, 1, 2, 3]
    assert max(tracker.trace[1].object_scores) < tree.uncertainty_threshold
    assert decided(UNCERTAIN, 5) == [4]
    assert len(tracker.trees[1].memories(first + 6)) == 3

    tracker.trees[1] = full_tree(model, tree, 1)
    assert [decided(CERTAIN, 6), decided(ABSENT, 7)] == [[6], [7]]
    assert max(tracker.trace[1].object_scores) < 0
    assert len(tracker.trees[1].memories(first + 8)) == 1


@pytest.mark.parametrize(("certain", "rows"), [(True, 2), (False, 6)])
def test_every_distinct_pathway_with_full_memory_goes_through_the_network(model, monkeypatch, certain, rows):
    batches = []
    attend = type(model).attend
    monkeypatch.setattr(
        type(model), "attend", lambda self, image, memory: (batches.append(memory), attend(self, image, memory))[1]
    )
    timing = time_frames(model, torch.zeros(2, 3, 128, 128), Load(2, TreeConfig(), certain))
    assert [len(batch.spatial) for batch in batches] == [rows, rows]
    assert all(batch.spatial.shape[1] == 7 and batch.pointers.shape[1] == 15 for batch in batches)
    assert timing.frame_milliseconds == pytest.approx(sum(timing.milliseconds.values()))
    assert all(value >= 0 for value in timing.milliseconds.values())


def test_a_full_greedy_tree_remembers_seven_maps_and_sixteen_pointers(model):
    (selection,) = full_tree(model, TreeConfig.greedy(), 1).memories(16)
    assert (len(selection.spatial), len(selection.pointers)) == (7, 16)
    assert selection.slots == [0, 6, 5, 4, 3, 2, 1]


def test_operations_are_counted():
    a, b = torch.zeros(8, 16), torch.zeros(16, 32)
    assert _count(lambda: a @ b) == 2 * 8 * 16 * 32
    q, k = torch.zeros(1, 2, 8, 16), torch.zeros(1, 2, 32, 16)
    with torch.inference_mode():
        fused = _count(lambda: torch.nn.functional.scaled_dot_product_attention(q, k, k))
    assert fused == 2 * (2 * 8 * 32 * 16 * 2)


def run(monkeypatch, capsys, *words):
    monkeypatch.setattr("sys.argv", ["sam2long", "bench", *words])
    with pytest.raises(SystemExit) as ended:
        app.main()
    captured = capsys.readouterr()
    return ended.value.code, captured.out, captured.err


def test_the_command_prints_a_table_and_a_line_of_json(monkeypatch, capsys):
    words = ["--model", "nano", "--image-size", "64", "--device", "cpu", "--frames", "1", "--pathways", "1,3"]
    status, out, _ = run(monkeypatch, capsys, *words, "--objects", "2")
    assert status == 0
    assert "frames/s" in out and "roofline" in out
    record = json.loads(out.splitlines()[-1])
    assert [(row["objects"], row["pathways"], row["certain"]) for row in record["timings"]] == [
        (1, 1, True),
        (1, 3, True),
        (1, 3, False),
        (2, 3, True),
        (2, 3, False),
    ]
    assert set(record["timings"][0]["milliseconds"]) == {"encode", "attend", "decode mask", "memory", "select"}
    assert set(record["file_milliseconds"]) == {"decode", "write"}
    assert record["gflops_per_second"].keys() == {"peak", "encode", "attend"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [(["--pathways", "1,x"], "--pathways '1,x'"), (["--objects", "0"], "--objects '0'"), (["--model", "?"], "'?'")],
)
def test_mistakes_are_told_in_a_line(monkeypatch, capsys, words, complaint):
    status, out, err = run(monkeypatch, capsys, *words)
    assert (status, out) == (2, "")
    assert err.startswith("error: ") and complaint in err and err.count("\n") == 1
