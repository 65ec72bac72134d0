"""Matrices and high dynamic range."""

from __future__ import annotations

import warnings
from pathlib import Path

import av
import numpy as np
import pytest

from sam2long.video import open_video
from sam2long.video.pixels.hdr import HLG, PQ, to_sdr

BT709, BT601, BT2020, UNTAGGED = 1, 5, 9, 2
RED = {BT709: (63, 102, 240), BT601: (82, 90, 240)}  # Y'CbCr, limited range


def write(path: Path, codec: str, pix_fmt: str, size: tuple[int, int], planes: tuple[int, ...], **tags: int) -> Path:
    """Three pictures of one colour."""
    height, width = size
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = height, width, pix_fmt
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        for _ in range(3):
            frame = av.VideoFrame(width, height, pix_fmt)
            for plane, value in zip(frame.planes, planes):
                kind = np.uint16 if "10" in pix_fmt else np.uint8
                plane.update(np.full(plane.buffer_size // np.dtype(kind).itemsize, value, kind).tobytes())
            for name, value in tags.items():
                if hasattr(frame, name):
                    setattr(frame, name, value)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def middle(path: Path) -> list[int]:
    source = open_video(path)
    return source.frame(1).image[source.height // 2, source.width // 2].tolist()


@pytest.mark.parametrize(
    ("size", "tag", "matrix"),
    [
        ((576, 720), UNTAGGED, BT601),
        ((480, 854), UNTAGGED, BT601),
        ((578, 64), UNTAGGED, BT709),
        ((720, 64), UNTAGGED, BT709),
        ((536, 1280), UNTAGGED, BT709),
        ((720, 64), BT601, BT601),
        ((720, 64), 6, BT601),
        ((64, 64), BT709, BT709),
        ((64, 64), UNTAGGED, BT601),
    ],
)
@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_untagged_hd_is_bt709(tmp_path, size, tag, matrix, name):
    path = write(tmp_path / name, "libx264", "yuv420p", size, RED[matrix], colorspace=tag)
    np.testing.assert_allclose(middle(path), (255, 0, 0), atol=3)


def test_large_jpeg_frames_keep_the_matrix_of_jpeg(tmp_path):
    path = write(tmp_path / "clip.avi", "mjpeg", "yuvj420p", (720, 64), (76, 85, 255), color_range=2)
    np.testing.assert_allclose(middle(path), (254, 0, 0), atol=4)


def pq(nits: float) -> float:
    power = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


HDR = {"transfer": [PQ, HLG], "white": {PQ: pq(203), HLG: 0.75}, "dark": {PQ: pq(5), HLG: 0.25}}


@pytest.mark.parametrize("transfer", HDR["transfer"])
@pytest.mark.parametrize(("name", "codec"), [("clip.mp4", "libx265"), ("clip.mkv", "libx264"), ("clip.mov", "libx265")])
@pytest.mark.parametrize("matrix", [BT2020, UNTAGGED])
def test_hdr_video_is_mapped_with_a_warning(tmp_path, name, codec, transfer, matrix):
    means = {}
    for level in ("white", "dark"):
        luma = round(64 + 876 * HDR[level][transfer])
        tags = {"color_trc": transfer, "color_primaries": 9, "colorspace": matrix}
        path = write(tmp_path / name, codec, "yuv420p10le", (64, 96), (luma, 512, 512), **tags)
        with pytest.warns(UserWarning, match=rf"{name}: HDR video \({'PQ' if transfer == PQ else 'HLG'}\)") as said:
            source = open_video(path)
        assert len(said) == 1
        images = [frame.image for frame in source.frames()]
        assert len({image.tobytes() for image in images}) == 1 and np.array_equal(source.frame(2).image, images[2])
        assert images[0].std(axis=2).max() < 1.5  # grey stays grey
        means[level] = images[0].mean()
    assert 220 <= means["white"] <= 240
    assert 45 <= means["dark"] <= 80


def test_untagged_hdr_has_the_matrix_of_bt2020(tmp_path):
    images = []
    for matrix in (BT2020, UNTAGGED):
        tags = {"color_trc": PQ, "color_primaries": 9, "colorspace": matrix}
        path = write(tmp_path / f"{matrix}.mkv", "libx264", "yuv420p10le", (64, 96), (500, 480, 560), **tags)
        with pytest.warns(UserWarning, match="HDR"):
            images.append(open_video(path).frame(1).image)
    np.testing.assert_allclose(images[0].astype(int), images[1], atol=1)


def test_levels_replace_the_tone_map(tmp_path):
    tags = {"color_trc": PQ, "color_primaries": 9, "colorspace": BT2020}
    path = write(tmp_path / "clip.mp4", "libx265", "yuv420p10le", (64, 96), (502, 512, 512), **tags)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_video(path, levels=(0, 1023)).frame(0).image.mean() == pytest.approx(127.5, abs=2)


def test_sdr_video_of_ten_bits_is_left_alone(tmp_path):
    tags = {"color_trc": 14, "color_primaries": 9, "colorspace": BT2020}
    path = write(tmp_path / "clip.mp4", "libx265", "yuv420p10le", (64, 96), (502, 512, 512), **tags)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_video(path).frame(0).image.mean() == pytest.approx(127.5, abs=2)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_the_tone_map_rises_and_ends_in_white(transfer):
    ramp = np.repeat(np.linspace(0, 65535, 1024).astype(np.uint16)[:, None, None], 3, axis=2)
    grey = to_sdr(ramp, transfer, 9).astype(int)
    assert np.all(np.diff(grey, axis=0) >= 0) and grey[0].max() == 0 and grey[-1].min() == 255
    assert np.ptp(grey, axis=2).max() <= 1
    assert np.diff(grey[:, 0, 1]).max() <= 4  # no steps in the dark


def test_colours_within_bt709_keep_their_order():
    red = np.zeros((1, 1, 3), np.uint16)
    red[..., 0] = round(65535 * pq(100))
    mapped = to_sdr(red, PQ, 9)[0, 0]
    assert mapped[0] > 200 and mapped[1:].max() == 0  # BT.2020's red lies outside BT.709
    assert to_sdr(red, PQ, 1)[0, 0].tolist() == [to_sdr(np.full((1, 1, 3), red[0, 0, 0]), PQ, 1)[0, 0, 0], 0, 0]
