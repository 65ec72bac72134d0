"""`--like`: objects remembered from sessions, pictures and videos; resumed, in batches, and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam2long.batch.job import Job
from sam2long.batch.job_list import read_jobs
from sam2long.batch.ledger import read_results
from sam2long.model.checkpoints.loading import fresh_model, save_model
from tests.batch.conftest import make_batch
from tests.batch.inline import InlineExecutor
from tests.networks import MICRO

from .conftest import CLIP_FRAMES, Command


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A square elsewhere, in a picture of another size, and its mask."""
    folder = tmp_path_factory.mktemp("picture")
    image, mask = np.full((60, 40, 3), 30, np.uint8), np.zeros((60, 40), np.uint8)
    image[40:56, 10:26] = 230
    mask[40:56, 10:26] = 255
    Image.fromarray(image).save(folder / "square.png")
    Image.fromarray(mask).save(folder / "mask.png")
    return folder / "square.png", folder / "mask.png"


@pytest.fixture(scope="session")
def square(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mask of the square on frame 5 of the clip."""
    path = tmp_path_factory.mktemp("square") / "mask.png"
    mask = np.zeros((48, 64), np.uint8)
    mask[16:32, 14:30] = 255
    Image.fromarray(mask).save(path)
    return path


def masks(out: Path) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path)) for path in sorted((out / "masks").iterdir())])


def test_a_picture_and_a_run_in_two_parts(
    sam2long: Command, clip: Path, tiny_model: Path, picture: tuple[Path, Path], tmp_path: Path
) -> None:
    like = ("--like", f"{picture[0]}#3", "--like-mask", picture[1], "--model", tiny_model, "--save", "png")
    whole = sam2long("track", clip, *like, "--out", tmp_path / "whole")
    assert whole.status == 0 and len(masks(tmp_path / "whole")) == CLIP_FRAMES
    summary = json.loads((tmp_path / "whole" / "summary.json").read_text(encoding="utf-8"))
    assert summary["objects"] == [3]
    assert summary["settings"]["likes"] == [{"object": 3, "like": f"{picture[0]}#3", "mask": str(picture[1])}]
    part = ("track", clip, *like, "--session", tmp_path / "run.s2l")
    assert sam2long(*part, "--end", "5", "--out", tmp_path / "a").status == 0
    assert sam2long(*part, "--out", tmp_path / "b").status == 0
    np.testing.assert_array_equal(masks(tmp_path / "b"), masks(tmp_path / "whole"))
    alone = sam2long("track", clip, "--session", tmp_path / "run.s2l", "--model", tiny_model, "--out", tmp_path / "c")
    assert alone.status == 0
    np.testing.assert_array_equal(masks(tmp_path / "c"), masks(tmp_path / "whole"))


def test_objects_of_a_session_and_a_frame_of_a_video(
    sam2long: Command, clip: Path, tiny_model: Path, square: Path, tmp_path: Path
) -> None:
    common = ("track", clip, "--model", tiny_model, "--save", "png")
    made = sam2long(*common, "--mask", f"{square}#7", "--session", tmp_path / "match.s2l", "--out", tmp_path / "a")
    assert made.status == 0
    likes = ("--like", f"{tmp_path / 'match.s2l'}#7", "--like", f"{tmp_path / 'match.s2l'}#7#2")
    video = ("--like", f"{clip}@5", "--like-mask", square)
    assert sam2long(*common, *likes, *video, "--point", "50,30@4#9", "--out", tmp_path / "b").status == 0
    summary = json.loads((tmp_path / "b" / "summary.json").read_text(encoding="utf-8"))
    assert summary["objects"] == [1, 2, 7, 9]
    assert set(summary["frames"][0]["objects"]) == {"1", "2", "7"}


def test_a_batch_does_what_track_does_and_goes_on(
    sam2long: Command, clip: Path, tiny_model: Path, picture: tuple[Path, Path], tmp_path: Path
) -> None:
    words = ("--like", picture[0], "--like-mask", picture[1], "--model", tiny_model, "--save", "png")
    sam2long("track", clip, *words, "--out", tmp_path / "whole")
    sam2long("track", clip, *words, "--end", "4", "--session", tmp_path / "half.s2l", "--out", tmp_path / "half")
    listed = {"video": str(clip), "like": str(picture[0]), "like_mask": picture[1].name}
    (picture[0].parent / "jobs.jsonl").write_text(json.dumps(listed), encoding="utf-8")
    (job,) = read_jobs(picture[0].parent / "jobs.jsonl")
    jobs = [job, Job("half", str(clip), like=job.like, like_mask=job.like_mask, session=str(tmp_path / "half.s2l"))]
    from sam2long.batch.driver import drive

    batch = make_batch(jobs, tmp_path / "out", tiny_model, split_at_prompts=True)
    list(drive(batch, lambda work, _: InlineExecutor(work)))
    assert all(result.state == "done" for result in read_results(tmp_path / "out").values())
    for name in (job.id, "half"):
        np.testing.assert_array_equal(masks(tmp_path / "out" / name), masks(tmp_path / "whole"))


def test_the_digest_of_jobs_without_likes_is_that_of_earlier_versions() -> None:
    job = Job("a", "a.mp4", box=("1,2,3,4",))
    assert job.digest == "b6cac6be0217ba15" and Job("a", "a.mp4", like=("b.s2l",)).digest != job.digest


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--like", "nowhere.s2l#1"), "there is no session file nowhere.s2l"),
        (("--like", "PICTURE"), "1 picture but 0 masks; give each picture one --like-mask"),
        (("--like-mask", "MASK"), "0 pictures but 1 mask; give each picture"),
        (("--like", "PICTURE@3", "--like-mask", "MASK"), "has only frames 0 to 0"),
        (("--like", "CLIP", "--like-mask", "MASK"), "the mask is 40x60 pixels"),
        (("--like", "SESSION#4"), "has no object 4; its objects are 1"),
        (("--like", "SESSION@3#1"), "a session remembers an object by its prompted frames; omit @FRAME"),
        (("--like", "OTHER"), "was encoded by another network, other weights or another precision"),
    ],
)
def test_mistakes_are_told_in_one_line(
    sam2long: Command,
    clip: Path,
    tiny_model: Path,
    picture: tuple[Path, Path],
    square: Path,
    tmp_path: Path,
    words: tuple[str, ...],
    message: str,
) -> None:
    places = {"PICTURE": picture[0], "MASK": picture[1], "CLIP": clip}
    if any(name in word for name in ("SESSION", "OTHER") for word in words):
        save_model(fresh_model(MICRO, seed=8), tmp_path / "other.safetensors")
        for name, model in (("SESSION", tiny_model), ("OTHER", tmp_path / "other.safetensors")):
            places[name] = tmp_path / f"{name.lower()}.s2l"
            given = ("--mask", square, "--end", "1", "--save", "png")
            sam2long("track", clip, *given, "--model", model, "--session", places[name], "--out", tmp_path / name)
    filled = [next((word.replace(n, str(p)) for n, p in places.items() if word.startswith(n)), word) for word in words]
    ended = sam2long("track", clip, *filled, "--model", tiny_model, "--out", tmp_path / "out")
    assert ended.status == 2 and message in " ".join(ended.err.split()) and "Traceback" not in ended.err
    assert not (tmp_path / "out").exists()
