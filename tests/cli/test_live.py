"""`sam2long track` on live sources: real pipes, servers on the loopback, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from xml.etree import ElementTree

import av
import pytest

from sam2long.results.trace_file import read_trace
from tests.video.live.streams import WAIT, Sender, http_server, rtsp_server

from .conftest import CLIP_FRAMES, Command, write_clip

BOX = ("--box", "4,16,20,32")
ROOT = Path(__file__).parents[2]


def summary(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return found


class Running:
    """`sam2long track WORDS...` in a process of its own, whose messages can be waited for."""

    def __init__(self, *words: object, stdin: Any = subprocess.DEVNULL) -> None:
        command = [sys.executable, "-m", "sam2long", "track", *map(str, words)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        self.said: list[str] = []

    def until(self, part: str) -> str:
        """Wait for a line of standard error that contains this."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.rstrip("\n"))
            if part in line:
                return self.said[-1]
        raise AssertionError(f"never said {part!r}: {self.said}")

    def ended(self) -> int:
        """Wait for the end, and return the exit status."""
        out, err = self.process.communicate(timeout=WAIT)
        self.said += err.splitlines()
        self.out = out
        return self.process.returncode


AHEAD = 10
"""Frames from now, more than can be on their way."""


class Tap:
    """A stream that sends pictures when it is told to; `close` ends it after them, and refuses new connections.

    On a busy machine a run may take it for lost and connect again.
    """

    def __init__(self) -> None:
        self._turns: SimpleQueue[bool] = SimpleQueue()
        self._sent, self._over = 0, False

    def pour(self, count: int = 1) -> None:
        for _ in range(count):
            self._turns.put(True)

    @property
    def empty(self) -> bool:
        return self._turns.empty()

    def close(self) -> None:
        self._turns.put(False)

    def serve(self, connection: int, send: Callable[[bytes], object]) -> None:
        if self._over:
            raise OSError
        sender = Sender(send)
        while self._turns.get(timeout=WAIT):
            number = self._sent % 200
            sender.send(range(number, number + 1))
            self._sent += 1
        self._over = True
        sender.finish()


def masks(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "masks").iterdir()}


def test_a_pipe_gives_the_results_of_the_file(sam2long: Command, tiny_model: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.ts", 40)
    words = [*BOX, "--model", tiny_model, "--save", "png,overlay,coco"]
    assert sam2long("track", clip, *words, "--max-delay", 16, "--out", tmp_path / "file").status == 0
    with clip.open("rb") as pipe:
        run = Running("-", *words, "--out", tmp_path / "pipe", stdin=pipe)
        assert run.ended() == 0, run.said
    assert run.said == ["0 frames dropped"]
    assert masks(tmp_path / "pipe") == masks(tmp_path / "file")
    assert len(masks(tmp_path / "pipe")) == 40
    with av.open(str(tmp_path / "pipe" / "overlay.mp4")) as one, av.open(str(tmp_path / "file" / "overlay.mp4")) as two:
        shown = [[picture.to_ndarray().tobytes() for picture in film.decode(video=0)] for film in (one, two)]
    assert shown[0] == shown[1]
    assert summary(tmp_path / "pipe")["settings"]["live"]["dropped"] == 0
    assert summary(tmp_path / "pipe")["complete"]


def test_prompts_removals_and_a_stop_while_it_runs(tiny_model: Path, tmp_path: Path) -> None:
    tap, control, out = Tap(), tmp_path / "control.jsonl", tmp_path / "out"

    def command(**entry: object) -> None:
        with control.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    with http_server(tap.serve) as url:
        tap.pour(8)
        words = ["--late", "wait", "--control", control, "--out", out, "--model", tiny_model]
        run = Running(url, *words, "--save", "coco,png,cvat,csv")
        run.until(f"waiting for a prompt in {control}")
        command(object=1, box=[4, 16, 20, 32])
        run.until("object 1 prompted on frame 0")
        command(object=2, points=[[30, 20]])
        number = int(pour_until(run, tap, "object 2 prompted on frame ").rsplit(" ", 1)[1])
        command(object=3, frame=number + AHEAD, box=[30, 10, 50, 30])
        pour_until(run, tap, f"object 3 prompted on frame {number + AHEAD}")
        command(object=4, frame=0, box=[30, 10, 50, 30])
        pour_until(run, tap, "frame 0 has passed")
        command(object=300, box=[30, 10, 50, 30])
        pour_until(run, tap, "warning: object id 300 does not fit")
        command(object=5, points=[[30, 1000]])
        pour_until(run, tap, "warning: object 5")
        command(object=5, box=[30, 10, 50])
        pour_until(run, tap, f"warning: {control}, line 7: box")
        command(remove=1)
        gone = int(pour_until(run, tap, "object 1 removed before frame ").rsplit(" ", 1)[1])
        command(remove=9)
        pour_until(run, tap, "warning: object 9")
        tap.pour(3 * AHEAD)
        while not tap.empty:
            time.sleep(0.05)
        command(stop=True)
        assert run.ended() == 0, run.said
        tap.close()
    rows = [(row.frame, row.object_id, row.prompted) for row in read_trace(out / "trace.csv")]
    frames = {number: [frame for frame, object_id, _ in rows if object_id == number] for number in (1, 2, 3)}
    last = summary(out)["frames"][-1]["frame"]
    # Whatever of object 1 was undecided when it was removed is gone with it.
    assert frames[1] == list(range(len(frames[1]))) and 0 < len(frames[1]) <= gone
    assert frames[2] == list(range(number, last + 1))
    assert frames[3] == list(range(number + AHEAD, last + 1))
    assert [(frame, object_id) for frame, object_id, prompted in rows if prompted] == [
        (0, 1), (number, 2), (number + AHEAD, 3)
    ]  # fmt: skip
    told = summary(out)
    assert told["objects"] == [1, 2, 3]
    assert [prompt["object"] for prompt in told["settings"]["prompts"]] == [1, 2, 3]
    assert told["settings"]["removed"] == [{"object": 1, "frame": gone}]
    assert told["complete"]
    tracks = json.loads((out / "ytvis.json").read_text(encoding="utf-8"))["annotations"]
    assert [track["object_id"] for track in tracks] == [1, 2, 3]
    groups = {int(track.attrib["group_id"]) for track in ElementTree.parse(out / "cvat.xml").iter("track")}
    assert groups <= {1, 2, 3}
    assert groups == {annotation["track_id"] for annotation in annotations_of(out)}


def annotations_of(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((out / "coco.json").read_text(encoding="utf-8"))["annotations"]
    return found


def pour_until(run: Running, tap: Tap, part: str) -> str:
    """Let frames arrive until the run says something: a command takes effect before the next frame."""
    stop = threading.Event()

    def pour() -> None:
        while not stop.wait(0.05):
            if tap.empty:  # so that few frames are on their way when it stops
                tap.pour()

    thread = threading.Thread(target=pour)
    thread.start()
    try:
        return run.until(part)
    finally:
        stop.set()
        thread.join()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_keep_everything_even_if_the_stream_stalls(
    tiny_model: Path, tmp_path: Path, number: int, status: int
) -> None:
    tap, out, record = Tap(), tmp_path / "out", tmp_path / "rec.mkv"
    (tmp_path / "control").write_text("", encoding="utf-8")
    words = ["--control", tmp_path / "control", "--record", record, "--out", out, "--model", tiny_model]
    with rtsp_server(tap.serve) as url:
        tap.pour(12)
        run = Running(url, *BOX, *words, "--late", "wait")
        with (tmp_path / "control").open("a", encoding="utf-8") as file:
            file.write('{"object": 2, "box": [4, 16, 20, 32]}\n')
        visited = int(run.until("object 2 prompted on frame ").rsplit(" ", 1)[1])
        run.process.send_signal(number)
        assert run.ended() == status, run.said
        tap.close()
    told = summary(out)
    assert not told["complete"]
    assert told["frames_written"] >= visited
    assert [frame["frame"] for frame in told["frames"]] == list(range(told["frames_written"]))
    assert any(line.startswith("stopped by ") for line in run.said)
    assert run.said[-1].endswith(f"recorded in {record}")
    with av.open(str(record)) as film:
        assert len(list(film.decode(video=0))) >= told["frames_written"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_ctrl_c_while_it_waits_for_a_prompt(tiny_model: Path, tmp_path: Path) -> None:
    tap = Tap()
    with http_server(tap.serve) as url:
        tap.pour(8)
        run = Running(url, "--control", tmp_path / "control", "--out", tmp_path / "out", "--model", tiny_model)
        run.until("waiting for a prompt")
        run.process.send_signal(signal.SIGINT)
        assert run.ended() == 130
        tap.close()
    assert not (tmp_path / "out").exists()


def test_a_stream_that_is_lost_for_good_keeps_what_came(sam2long: Command, tiny_model: Path, tmp_path: Path) -> None:
    tap = Tap()
    with http_server(tap.serve) as url:
        tap.pour(CLIP_FRAMES)
        tap.close()
        ended = sam2long(
            "track", url, *BOX, "--model", tiny_model, "--out", tmp_path / "out", "--late", "wait", "--reconnect", 0.3
        )
    assert ended.status == 0
    assert "trying again for 0.3 s" in ended.err and "did not come back within 0.3 s" in ended.err
    told = summary(tmp_path / "out")
    assert (told["frames_written"], told["complete"]) == (CLIP_FRAMES, False)
    assert "did not come back" in told["stopped"]


def test_a_stream_that_ends_before_a_prompt(sam2long: Command, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "control").write_text('{"stop": true}\n', encoding="utf-8")
    tap = Tap()
    with http_server(tap.serve) as url:
        tap.pour(8)
        ended = sam2long(
            "track", url, "--control", tmp_path / "control", "--model", tiny_model, "--out", tmp_path / "out"
        )
        tap.close()
    assert ended.status == 2
    assert ended.err.splitlines()[-1] == f"error: {url} ended before a prompt was given"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["camera:0", "--reverse"], "--reverse: camera:0 is live and cannot be followed backward"),
        (["camera:0", "--fps", 5], "--fps is for folders of images; camera:0 has its own time stamps"),
        (["rtsp://a:b@c/d", "--start", 5, "--end", 3], "--end 3 comes before the first frame to track, 5; rtsp://c/d"),
        (["camera:0", "--start", 5], "--start 5 comes after the prompt on frame 0"),
        (["camera:0", "--session", "a.s2l"], "--session needs a video that can be read again"),
        (["camera:0", "--late", "never"], "--late never: expected drop or wait"),
        (["camera:0", "--buffer", 0], "--buffer 0: must be 1 or more"),
        (["camera:0", "--reconnect", -1], "--reconnect -1: must be 0 seconds or more"),
        (["camera:0", "--reconnect", "nan"], "--reconnect nan: must be 0 seconds or more"),
        (["camera:0", "--control", "no/where"], "--control no/where: the folder no does not exist"),
        (["camera:0", "--control", "x", "--save", "npz"], "--save npz needs to know all objects at the start"),
        (["-", "--control", "-"], "the video and --control cannot both be standard input"),
        (["camera:97"], "camera:97 "),
        (["http://127.0.0.1:9/a"], "http://127.0.0.1:9/a cannot be opened: Connection refused"),
    ],
)
def test_mistakes_are_one_line_before_anything_starts(
    sam2long: Command, tmp_path: Path, words: list[object], expected: str
) -> None:
    prompt = [] if "x" in words else ["--box", "4,16,20,32" + "@5" * ("--end" in words)]
    ended = sam2long("track", *words, *prompt, "--out", tmp_path / "out")
    assert ended.status == 2
    assert ended.err.startswith(f"error: {expected}")
    assert ended.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_options_of_live_sources_need_one(sam2long: Command, clip: Path, tmp_path: Path) -> None:
    for words in (["--record", "a.mkv"], ["--control", "c"], ["--late", "drop"], ["--buffer", 3], ["--reconnect", 1]):
        ended = sam2long("track", clip, *BOX, *words, "--out", tmp_path / "out")
        assert (ended.status, ended.err.count("\n")) == (2, 1)
        assert ended.err.startswith(f"error: {words[0]} is for live sources")


def test_a_mistake_leaves_no_recording(tmp_path: Path) -> None:
    clip, recording, full = write_clip(tmp_path / "clip.ts", 40), tmp_path / "day.mkv", tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").touch()
    with clip.open("rb") as pipe:
        run = Running("-", *BOX, "--random-weights", "--record", recording, "--out", full, stdin=pipe)
        assert run.ended() == 2
    assert "is not empty" in run.said[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.ts", "full"]
