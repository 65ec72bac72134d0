"""Writes the results that are up to date, in the formats of `sam2long track`, to a folder of the server's choosing."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sam2long.results.writers import open_writers
from sam2long.studio.fields import Message, MessageError
from sam2long.tracking import Session
from sam2long.tracking.session_results import SpanState
from sam2long.tracking.style import given_names

FORMATS = {
    "png": "one palette PNG per frame, as in DAVIS",
    "png-per-object": "one black-and-white PNG per frame and object",
    "coco": "COCO and YouTube-VIS JSON",
    "overlay": "a video with the masks drawn in",
    "npz": "NumPy arrays",
    "cvat": "CVAT 1.1 XML: tracks of polygons",
    "cvat-masks": "CVAT 1.1 XML: masks",
    "yolo": "YOLO segmentation, with images",
    "labelme": "LabelMe JSON, with images",
    "ytvis": "YouTube-VIS JSON alone",
    "csv": "table of boxes, centroids and areas",
    "contours": "SVG and GeoJSON outlines",
    "alpha": "cut-outs with alpha, ProRes 4444",
    "alpha-webm": "cut-outs with alpha, WebM",
    "matte": "grey mattes, FFV1",
    "exr": "OpenEXR, one layer per object",
}
"""What each format is, in a few words."""
_TRACE = "trace"


@dataclass(frozen=True)
class ExportSettings:
    """Where exports go, and what their summaries and command lines say.

    Attributes:
        video: path of the video, as the user gave it.
        session: path of the session file.
        folder: folder in which each export gets a folder.
        network: description of the network for the summary.
        options: options of `sam2long track` that choose the same network.
    """

    video: str
    session: Path
    folder: Path
    network: Mapping[str, object]
    options: Sequence[str]


class Export:
    """One export.

    Args:
        session: the session, which must not change meanwhile.
        formats: names of formats.
        settings: where to write.

    Raises:
        MessageError: there is nothing to export.
    """

    def __init__(self, session: Session, formats: list[str], settings: ExportSettings) -> None:
        spans = [span for object_id in session.object_ids for span in session.spans(object_id)]
        held, undecided, outdated = (
            set().union(*(range(span.first, span.last + 1) for span in spans if span.state is state))
            for state in (SpanState.UP_TO_DATE, SpanState.UNDECIDED, SpanState.OUTDATED)
        )
        self._total, self._undecided, self._outdated = len(held | undecided), len(undecided), len(outdated)
        if not self._total:
            raise MessageError("there is nothing to export yet; follow an object first")
        self._session, self._formats, self._settings = session, formats, settings
        self._folder = _free_folder(settings.folder)
        self._done = 0
        self._files: list[str] = []
        self.cancelled = False

    def run(self) -> Iterator[None]:
        """Write everything; each `yield` is one frame. After `cancelled` is set nothing is left behind.

        Raises:
            OutputError: something cannot be written.
        """
        session = self._session
        prompted = {(frame, object_id) for object_id, frames in session.prompts.items() for frame in frames}
        writers = open_writers(
            self._folder,
            (*self._formats, _TRACE),
            session.source,
            object_ids=sorted(session.object_ids),
            settings=self._summary(),
            prompted=prompted,
            names=given_names({object_id: style.name for object_id, style in session.styles.items()}),
        )
        with writers:
            for result in session.results(undecided=True):
                writers.write(result)
                self._done += 1
                yield
                if self.cancelled:
                    writers.abort()
                    return
            reasons = []
            if self._outdated:
                reasons.append(f"{self._outdated} frames have outdated masks, which are left out")
            if self._undecided:
                reasons.append(f"{self._undecided} frames are not decided yet, and following on may change their masks")
            writers.finish(complete=not reasons, reason="; ".join(reasons) or None)
            self._files = [path.name for path in writers.files]

    def message(self, state: str, reason: str | None = None) -> Message:
        """The `export` message."""
        return {
            "type": "export",
            "state": state,
            "done": self._done,
            "total": self._total,
            "folder": str(self._folder.resolve()),
            "files": self._files,
            "command": self.command(),
            "message": reason,
        }

    def _summary(self) -> dict[str, object]:
        """The settings in the summary, as `sam2long track --session` writes them."""
        frames = {"start": None, "end": None, "stride": 1, "reverse": False}
        tree = {"tree": asdict(self._session.tree), "max_delay": None, "levels": None}
        return {**self._settings.network, **tree, **frames, "prompts": []}

    def command(self) -> str:
        """The command line that writes the same."""
        settings = self._settings
        words = ["sam2long", "track", settings.video, "--session", str(settings.session)]
        words += ["--out", str(self._folder), "--save", ",".join(self._formats), *settings.options]
        return shlex.join(words)


def _free_folder(folder: Path) -> Path:
    number = 1
    while (folder / f"{number:03d}").exists():
        number += 1
    return folder / f"{number:03d}"
