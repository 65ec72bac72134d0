"""Predicts the videos of a data set from its prompts, by the rules of the field's own inference scripts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from sam2long.errors import DatasetError
from sam2long.evaluation.dataset import Dataset, ObjectPrompt
from sam2long.evaluation.result_files import MaskFiles
from sam2long.evaluation.run_folder import RunFolder, VideoTime
from sam2long.model import SAM2
from sam2long.tracking import Session
from sam2long.tree import TreeConfig
from sam2long.video import VideoSource, open_video


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


def open_job(dataset: Dataset, video: str) -> VideoJob:
    """Read what a video is prompted with; raises DatasetError if masks and pictures do not belong together."""
    source = open_video(dataset.images / video)
    names = [source.frame_name(index) for index in range(source.frame_count or 0)]
    prompts, known = dataset.prompts(video), set(names)
    for prompt in prompts:
        if prompt.frame not in known:
            raise DatasetError(f"{video}: the mask of frame {prompt.frame} has no picture in {dataset.images / video}")
        if prompt.mask.shape != (source.height, source.width):
            raise DatasetError(
                f"{video}: masks are {prompt.mask.shape[1]}x{prompt.mask.shape[0]} pixels, pictures "
                f"{source.width}x{source.height}; the masks of another folder may be meant"
            )
    return VideoJob(source, names, prompts, dataset.object_names(video), dataset.benchmark.binary)


def predict_video(model: SAM2, job: VideoJob, tree: TreeConfig, folder: Path) -> None:
    """Follow all objects from their first masks to the end, and write every frame's masks into a folder.

    Raises:
        VideoError: a picture cannot be read.
    """
    shape = (job.source.height, job.source.width)
    files = MaskFiles(folder, [prompt.object_id for prompt in job.prompts], job.folders, shape, job.binary)
    session = Session(model, job.source, tree=tree, keep_logits=files.needs_logits, keep_results=False)
    frames = {name: index for index, name in enumerate(job.names)}
    for number, prompt in enumerate(job.prompts, 1):
        session.add_mask(frame=frames[prompt.frame], object_id=number, mask=prompt.mask)
    first = min(frames[prompt.frame] for prompt in job.prompts)
    for name in job.names[:first]:
        files.write(name, None)
    for result in session.propagate():
        files.write(job.names[result.frame], result)


def predict_into(run: RunFolder, model: SAM2, dataset: Dataset, video: str, tree: TreeConfig) -> VideoTime:
    """Predict one video of a run and make its results final."""
    job = open_job(dataset, video)
    started = time.monotonic()
    with run.unfinished(video) as folder:
        predict_video(model, job, tree, folder)
    return VideoTime(video, len(job.names), time.monotonic() - started)
