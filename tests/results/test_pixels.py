"""Cut-outs, mattes and OpenEXR, read back by PyAV, by the ffmpeg command where there is one, and by OpenEXR."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from sam2long.errors import ConfigError, OutputError
from sam2long.results import FrameResult
from sam2long.results.films import cutouts
from sam2long.results.films.cutouts import MARGIN
from sam2long.results.postprocessing import Postprocessing
from sam2long.results.soft_mask import SoftMask
from sam2long.results.writers import open_writers
from sam2long.results.writers.images import films, pixel_files
from sam2long.video import open_video
from tests.results.squares import COUNT, HEIGHT, WIDTH
from tests.results.squares import result as square

SOFT = Postprocessing(soft=True)


def soft_result(frame: int, ids=(1, 2)) -> FrameResult:
    """The squares, with logits of a network whose masks have 10 x 10 cells."""
    plain = square(frame, ids)
    masks, soft = {}, {}
    for object_id, mask in plain.masks.items():
        small = cv2.resize(mask.astype(np.float32), (10, 10), interpolation=cv2.INTER_AREA)
        soft[object_id] = SoftMask(np.rint(120 * small - 60).astype(np.int8), HEIGHT, WIDTH)
        masks[object_id] = soft[object_id].alpha() > 0.5
    scores = plain.scores
    return FrameResult(frame, frame / 10, masks, scores, scores, scores, soft=soft)


def write(folder, source, formats, frames=range(COUNT), edges=SOFT, ids=(1, 2), **options):
    changes = {"postprocessing": edges, **options}
    with open_writers(folder, formats, source, object_ids=ids, settings={}, **changes) as writers:
        for frame in frames:
            writers.write(soft_result(frame, ids))
        writers.finish()
    return folder


def truth(frame: int, ids=(1, 2), edges=SOFT):
    """Opacity of the objects together."""
    result = edges.apply(soft_result(frame))
    own = [edges.alpha(result.masks[i], result.soft[i]) for i in ids if i in result.masks]
    return np.max([np.zeros((HEIGHT, WIDTH), np.float32), *own], axis=0)


def decode(path, decoder=None):
    """Frames of a film; FFmpeg's own decoder of VP9 drops the alpha channel, that of libvpx keeps it."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = av.CodecContext.create(decoder, "r") if decoder else stream.codec_context
        frames = []
        for packet in container.demux(stream):
            packet.time_base = stream.time_base
            frames += context.decode(packet if packet.size else None)
        return frames


def plane(frame, number: int):
    """One plane of a frame, scaled to 0..1 as an opacity is."""
    component = frame.format.components[number]
    kind = np.uint16 if component.bits > 8 else np.uint8
    given = frame.planes[number]
    rows = np.frombuffer(given, kind).reshape(given.height, -1)[:, : given.width]
    return rows, 2**component.bits - 1


@pytest.fixture
def odd():
    """A film of odd size whose every pixel is bright."""
    images = np.random.default_rng(0).integers(100, 255, (COUNT, HEIGHT, WIDTH, 3), dtype=np.uint8)
    return open_video(images, fps=10)


@pytest.mark.parametrize("edges", [SOFT, Postprocessing(), Postprocessing(soft=True, grow=2, feather=1)])
@pytest.mark.parametrize("frames", [range(COUNT), range(COUNT - 1, -1, -1), (3, 4, 5, 0, 1, 2)])
def test_prores_keeps_alpha_exactly(tmp_path, source, frames, edges):
    out = write(tmp_path / "out", source, ["alpha", "alpha-per-object"], frames, edges)
    for name, ids in (("alpha.mov", (1, 2)), ("alpha/001.mov", (1,)), ("alpha/002.mov", (2,))):
        decoded = decode(out / name)
        assert len(decoded) == COUNT
        for number, frame in enumerate(decoded):
            assert frame.time == pytest.approx(number / 10, abs=1e-4)
            alpha, most = plane(frame, 3)
            expected = np.rint(truth(number, ids, edges) * np.float32(1023))
            np.testing.assert_array_equal(alpha >> (2 if most == 4095 else 0), expected)


def test_equal_frames_give_equal_files(tmp_path):
    """FFmpeg's conversion from RGB, which is not used, spoils pixels now and then at such widths."""
    images = np.random.default_rng(1).integers(0, 255, (2, 270, 486, 3), dtype=np.uint8)
    masks = {1: np.ones((270, 486), bool)}
    for number in range(4):
        with open_writers(
            tmp_path / str(number), ["alpha", "alpha-webm", "matte"], open_video(images), object_ids=[1], settings={}
        ) as writers:
            writers.write(FrameResult(1, 0.1, masks, {1: 1.0}, {1: 1.0}, {1: 0.0}))
    for name in ("alpha.mov", "alpha.webm", "mattes/001.mkv"):
        assert len({(tmp_path / str(number) / name).read_bytes() for number in range(4)}) == 1


def test_prores_keeps_colour_and_shape(tmp_path, make_clip):
    source = open_video(make_clip(count=3))
    source.pixel_aspect = Fraction(64, 45)
    masks = {1: np.zeros((source.height, source.width), bool)}
    masks[1][10:30, 10:40] = True
    with open_writers(tmp_path / "out", ["alpha"], source, object_ids=[1], settings={}) as writers:
        for frame in range(3):
            writers.write(FrameResult(frame, source.frame(frame).time, masks, {1: 1.0}, {1: 1.0}, {1: 0.0}))
    with av.open(str(tmp_path / "out" / "alpha.mov")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.codec_tag) == ("prores", "ap4h")
        assert (stream.sample_aspect_ratio, stream.average_rate) == (Fraction(64, 45), source.fps)
    for number, frame in enumerate(decode(tmp_path / "out" / "alpha.mov")):
        shown = frame.to_ndarray(format="rgb24").astype(int)
        wanted = source.frame(number).image.astype(int)
        assert np.abs(shown - wanted)[10:30, 10:40].mean() < 3
        # The colour goes on beyond the edge, and no further than by the margin.
        assert np.abs(shown - wanted)[10:30, 40 : 40 + MARGIN].mean() < 3
        assert shown[30 + MARGIN + 16 :, 40 + MARGIN + 16 :].max(initial=0) <= 6


@pytest.mark.parametrize("frames", [range(COUNT), range(COUNT - 1, -1, -1)])
def test_webm_has_alpha(tmp_path, source, frames):
    out = write(tmp_path / "out", source, ["alpha-webm", "alpha-webm-per-object"], frames)
    for name, ids in (("alpha.webm", (1, 2)), ("alpha-webm/002.webm", (2,))):
        decoded = decode(out / name, "libvpx-vp9")
        assert len(decoded) == COUNT
        for number, frame in enumerate(decoded):
            assert frame.format.name == "yuva420p"
            alpha, most = plane(frame, 3)
            error = np.abs(alpha / most - truth(number, ids))
            assert error.max() < 0.1 and error.mean() < 0.01


@pytest.mark.parametrize(("edges", "most", "kind"), [(SOFT, 65535, "gray16le"), (Postprocessing(), 255, "gray")])
@pytest.mark.parametrize("frames", [range(COUNT), range(COUNT - 1, -1, -1)])
def test_ffv1_mattes_are_lossless(tmp_path, source, frames, edges, most, kind):
    out = write(tmp_path / "out", source, ["matte"], frames, edges)
    assert sorted(path.name for path in (out / "mattes").iterdir()) == ["001.mkv", "002.mkv"]
    for object_id in (1, 2):
        decoded = decode(out / "mattes" / f"{object_id:03d}.mkv")
        assert len(decoded) == COUNT  # also where the object does not exist yet
        for number, frame in enumerate(decoded):
            assert frame.format.name == kind
            expected = np.rint(truth(number, (object_id,), edges) * np.float32(most))
            np.testing.assert_array_equal(frame.to_ndarray(), expected)


def test_prores_mattes_are_grey(tmp_path, source):
    out = write(tmp_path / "out", source, ["matte-prores"])
    for number, frame in enumerate(decode(out / "mattes-prores" / "001.mov")):
        luma, _ = plane(frame, 0)
        assert (
            np.abs((luma / 4.0 ** (frame.format.components[0].bits == 12) - 64) / 876 - truth(number, (1,))).max()
            < 0.06
        )
        grey = frame.to_ndarray(format="rgb24").astype(int)
        assert np.abs(grey - grey.mean(axis=2, keepdims=True)).max() <= 2


@pytest.mark.parametrize("size", [(47, 61), (2, 2), (33, 16)])
def test_any_size(tmp_path, size):
    source = open_video(np.full((2, *size, 3), 90, np.uint8))
    mask = np.zeros(size, bool)
    mask[: size[0] // 2] = True
    formats = [name for name in pixel_files.PIXEL_FILES if name != "exr"]
    with open_writers(tmp_path / "out", formats, source, object_ids=[1], settings={}) as writers:
        for frame in range(2):
            writers.write(FrameResult(frame, frame / 24, {1: mask}, {1: 1.0}, {1: 1.0}, {1: 0.0}))
    for name in ("alpha.mov", "mattes/001.mkv", "mattes-prores/001.mov", "alpha.webm"):
        decoded = decode(tmp_path / "out" / name)
        assert len(decoded) == 2 and (decoded[0].height, decoded[0].width) == size


def test_exr_has_a_layer_per_object(tmp_path, source):
    openexr = pytest.importorskip("OpenEXR")
    out = write(tmp_path / "out", source, ["exr"], (5, 0, 3))
    assert sorted(path.name for path in (out / "exr").iterdir()) == ["00000.exr", "00003.exr", "00005.exr"]
    for number in (0, 3, 5):
        with openexr.File(str(out / "exr" / f"{number:05d}.exr"), separate_channels=True) as file:
            channels = {name: channel.pixels for name, channel in file.channels().items()}
        assert set(channels) == {"object_1.A", "object_2.A"}
        for object_id in (1, 2):
            assert channels[f"object_{object_id}.A"].dtype == np.float16
            np.testing.assert_allclose(channels[f"object_{object_id}.A"], truth(number, (object_id,)), atol=2**-11)


def test_a_full_disk_is_told(tmp_path, source):
    openexr = pytest.importorskip("OpenEXR")
    assert openexr
    with open_writers(tmp_path / "out", ["exr", "matte"], source, object_ids=[1], settings={}) as writers:
        # Stands for what the library says when the disk is full: it cannot open the file.
        (tmp_path / "out" / ".sam2long-unfinished" / "exr" / "00001.exr").mkdir()
        writers.write(square(0, (1,)))
        writers.write(square(1, (1,)))
        with pytest.raises(OutputError, match="exr could not be written"):
            writers.finish()
    assert len(decode(tmp_path / "out" / "mattes" / "001.mkv")) == 2


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the ffmpeg command")
def test_the_ffmpeg_command_reads_alpha(tmp_path, source):
    out = write(tmp_path / "out", source, ["alpha", "alpha-webm", "matte"])
    for words, tolerance in (
        ([out / "alpha.mov", "-vf", "alphaextract"], 2 / 255),  # ffmpeg dithers
        (["-c:v", "libvpx-vp9", "-i", out / "alpha.webm", "-vf", "alphaextract"], 0.1),
    ):
        words = words if "-i" in words else ["-i", *words]
        command = ["ffmpeg", "-v", "error", *map(str, words), "-f", "rawvideo", "-pix_fmt", "gray", "-"]
        raw = subprocess.run(command, check=True, capture_output=True).stdout
        grey = np.frombuffer(raw, np.uint8).reshape(COUNT, HEIGHT, WIDTH)
        for number in range(COUNT):
            assert np.abs(grey[number] / 255 - truth(number)).max() < tolerance


def test_films_together_too_large_are_made_one_by_one(tmp_path, source, monkeypatch):
    at_once = write(tmp_path / "at-once", source, ["matte", "alpha-per-object"])
    open_at_a_time = []

    class Counted(films.Film):
        open_films = 0

        def __init__(self, *values):
            super().__init__(*values)
            Counted.open_films += 1
            open_at_a_time.append(Counted.open_films)

        def close(self):
            Counted.open_films -= 1
            super().close()

    monkeypatch.setattr(films, "MOST_ENCODERS", 0)
    monkeypatch.setattr(films, "Film", Counted)
    one_by_one = write(tmp_path / "one-by-one", source, ["matte", "alpha-per-object"])
    assert open_at_a_time == [1, 1, 1, 1]
    for name in ("mattes/001.mkv", "mattes/002.mkv", "alpha/001.mov", "alpha/002.mov"):
        assert (at_once / name).read_bytes() == (one_by_one / name).read_bytes()


def test_an_interrupted_run_keeps_films_that_play(tmp_path, source):
    with (
        pytest.raises(KeyboardInterrupt),
        open_writers(tmp_path / "out", ["alpha", "matte"], source, object_ids=[1, 2], settings={}) as writers,
    ):
        for frame in range(3):
            writers.write(square(frame))
        raise KeyboardInterrupt
    assert len(decode(tmp_path / "out" / "alpha.mov")) == len(decode(tmp_path / "out" / "mattes" / "002.mkv")) == 3
    assert not json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))["complete"]


def test_a_film_that_fails_leaves_nothing_that_does_not_play(tmp_path, source, monkeypatch):
    def broken(alpha, pixel_format):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(films, "matte_picture", broken)
    with open_writers(tmp_path / "out", ["alpha", "matte"], source, object_ids=[1], settings={}) as writers:
        writers.write(square(0, (1,)))
        with pytest.raises(OutputError, match="mattes could not be written: there is no space left"):
            writers.finish()
    assert not list((tmp_path / "out").glob("mattes/*")) and len(decode(tmp_path / "out" / "alpha.mov")) == 1


KILLED = """
import os, sys
import numpy as np
from sam2long.video import open_video
from sam2long.results.writers import open_writers
from tests.results.squares import result

source = open_video(np.zeros((6, 30, 40, 3), np.uint8))
writers = open_writers(sys.argv[1], ["alpha", "matte"], source, object_ids=[1, 2], settings={}, overwrite=True)
for frame in range(3):
    writers.write(result(frame))
os._exit(9)
"""


def test_a_killed_run_blocks_nobody(tmp_path, source):
    folder = write(tmp_path / "out", source, ["alpha", "matte"])
    before = (folder / "alpha.mov").read_bytes()
    assert subprocess.run([sys.executable, "-c", KILLED, folder], check=False, timeout=100).returncode == 9
    assert (folder / "alpha.mov").read_bytes() == before
    with pytest.raises(OutputError, match="not empty"):
        write(folder, source, ["alpha"])
    write(folder, source, ["alpha", "matte"], overwrite=True)
    assert (folder / "alpha.mov").read_bytes() == before
    assert {path.name for path in folder.iterdir()} == {"alpha.mov", "mattes", "summary.json"}


def test_results_without_soft_edges_are_refused(tmp_path, source):
    writers = open_writers(tmp_path / "out", ["matte"], source, object_ids=[1, 2], settings={}, postprocessing=SOFT)
    with pytest.raises(ConfigError, match="soft_edges=True"), writers:
        writers.write(square(0))
    assert not (tmp_path / "out").exists()


def test_what_is_impossible_is_told_before_the_run(tmp_path, source, monkeypatch):
    live = open_video(iter(np.zeros((2, HEIGHT, WIDTH, 3), np.uint8)))
    huge = open_video(np.zeros((1, 8, 70000, 3), np.uint8))
    with pytest.raises(OutputError, match="live iterator gives them only once; choose matte or exr"):
        write(tmp_path / "out", live, ["alpha"])
    with pytest.raises(OutputError, match=r"FFmpeg has no prores_ks encoder for 70000x8"):
        write(tmp_path / "out", huge, ["alpha"])
    with pytest.raises(OutputError, match=r"^soft edges need a format with an opacity"):
        write(tmp_path / "out", source, ["png", "coco"])
    with pytest.raises(OutputError, match=r"^feathered edges need"):
        write(tmp_path / "out", source, ["png"], edges=Postprocessing(feather=1))
    monkeypatch.setattr(pixel_files, "_MOST_EXR", 1000)
    if importlib.util.find_spec("OpenEXR"):
        with pytest.raises(OutputError, match=r"exr of 2 objects at 40x30 pixels takes"):
            write(tmp_path / "out", source, ["exr"])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OutputError, match=r"^exr needs the OpenEXR library: pip install 'sam2long\[exr\]'$"):
        write(tmp_path / "out", source, ["exr"])
    assert not (tmp_path / "out").exists()


def test_every_format_gets_the_changed_masks(tmp_path, source):
    write(tmp_path / "out", source, ["png", "npz", "matte"], edges=Postprocessing(grow=3))
    with np.load(tmp_path / "out" / "masks.npz") as content:
        masks = content["frame_000003"]
    expected = Postprocessing(grow=3).apply(soft_result(3)).masks[1]
    np.testing.assert_array_equal(masks[0], expected)
    np.testing.assert_array_equal(decode(tmp_path / "out" / "mattes" / "001.mkv")[3].to_ndarray() == 255, expected)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["frames"][3]["objects"]["1"]["area"] == expected.sum()


def test_the_picture_makers_fill_every_pixel():
    alpha = np.linspace(0, 1, 35, dtype=np.float32).reshape(5, 7)
    for pixel_format in ("gray", "gray16le", "yuv422p10le"):
        rows, most = plane(cutouts.matte_picture(alpha, pixel_format), 0)
        if pixel_format == "yuv422p10le":
            np.testing.assert_array_equal(rows, 64 + np.rint(alpha * np.float32(876)))
        else:
            np.testing.assert_array_equal(rows, np.rint(alpha * np.float32(most)))
