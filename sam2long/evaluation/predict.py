"""Predicts the videos of a data set from its prompts, by the rules of the field's own inference scripts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sam2long.errors import DatasetError
from sam2long.evaluation.datasets.dataset import Dataset, ObjectPrompt
from sam2long.evaluation.result_files import MaskFiles
from sam2long.evaluation.run_folder import RunFolder, VideoTime
from sam2long.model import SAM2
from sam2long.tracking import Session
from sam2long.tree import TreeConfig
from sam2long.video import VideoSource, open_video
from sam2long.video.watched import WatchedSource


@dataclass(frozen=True)
class VideoJob:
    """One video with its prompts read and matched to frames.

    Attributes:
        source: the pictures.
        names: of the frames.
        prompts: by ascending object id.
        folders: of the objects, where results have one for each; else none.
        binary: results are black and white.
    """

    source: VideoSource
    names: list[str]
    prompts: list[ObjectPrompt]
    folders: list[str]
    binary: bool


@contextmanager
def open_job(dataset: Dataset, video: str, read: Callable[[], None] = lambda: None) -> Iterator[VideoJob]:
    """Read the prompts of a video; its images stay open until the context ends. `read` is called after each one read.

    Raises:
        DatasetError: masks and images do not match.
    """
    with WatchedSource(open_video(dataset.images / video), read) as source:
        names = [source.frame_name(index) for index in range(source.frame_count or 0)]
        prompts = dataset.prompts(video)
        _check_prompts(prompts, source, set(names), video, dataset.images / video)
        yield VideoJob(source, names, prompts, dataset.object_names(video), dataset.benchmark.binary)


def _check_prompts(prompts: list[ObjectPrompt], source: VideoSource, names: set[str], video: str, folder: Path) -> None:
    for prompt in prompts:
        if prompt.frame not in names:
            raise DatasetError(f"{video}: the mask of frame {prompt.frame} has no picture in {folder}")
        if prompt.mask.shape != (source.height, source.width):
            raise DatasetError(
                f"{video}: masks are {prompt.mask.shape[1]}x{prompt.mask.shape[0]} pixels, pictures "
                f"{source.width}x{source.height}; the masks of another folder may be meant"
            )


def predict_video(model: SAM2, job: VideoJob, tree: TreeConfig, folder: Path) -> None:
    """Track all objects from their first masks to the end, and write the masks of every frame into a folder.

    Raises:
        VideoError: a picture cannot be read.
    """
    shape = (job.source.height, job.source.width)
    files = MaskFiles(folder, [prompt.object_id for prompt in job.prompts], job.folders, shape, job.binary)
    frames = {name: index for index, name in enumerate(job.names)}
    first = min(frames[prompt.frame] for prompt in job.prompts)
    for name in job.names[:first]:
        files.write(name, None)
    with Session(model, job.source, tree=tree, keep_logits=files.needs_logits, keep_results=False) as session:
        for number, prompt in enumerate(job.prompts, 1):
            session.add_mask(frame=frames[prompt.frame], object_id=number, mask=prompt.mask)
        for result in session.propagate():
            files.write(job.names[result.frame], result)


def predict_into(
    run: RunFolder, model: SAM2, dataset: Dataset, video: str, tree: TreeConfig, read: Callable[[], None]
) -> VideoTime:
    """Predict one video of a run and make its results final; `read` is called after every picture that was read."""
    with open_job(dataset, video, read) as job:
        started = time.monotonic()
        with run.unfinished(video) as folder:
            predict_video(model, job, tree, folder)
        return VideoTime(video, len(job.names), time.monotonic() - started)
