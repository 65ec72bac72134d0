"""Recognises a file or folder of prompts by what is in it."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from sam2long.errors import PromptError
from sam2long.running.prompts.files import coco, cvat, davis, detections, labelme, mot, yolo, ytvis
from sam2long.running.prompts.files.marks import Mark
from sam2long.running.prompts.files.record import files_in, parse_json, read_text, shown
from sam2long.running.prompts.files.target import Target

_SAMPLE = 512
_ZIP = b"PK\x03\x04"
_MOST_UNZIPPED = 2**30
"""Bytes."""
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM", b"RIFF")
_KNOWN = "a prompt file of sam2long, COCO, YouTube-VIS, LabelMe, CVAT, YOLO, MOT, or detections of supervision"


@dataclass(frozen=True)
class Found:
    """A file or folder that was recognised.

    Attributes:
        path: of the file, or of the folder.
        kind: what it is, in words.
        content: parsed JSON or XML, or text; None for folders.
        read: returns its marks; None for our own prompt files.
    """

    path: Path
    kind: str
    content: Any = None
    read: Callable[[Path, Any, Target], list[Mark]] | None = None


def recognise(path: Path) -> Found:
    """Say what a file or folder is.

    Raises:
        PromptError: it does not exist, cannot be read, or is nothing that we know.
    """
    if path.is_dir():
        return _folder(path)
    try:
        with path.open("rb") as file:
            start = file.read(_SAMPLE)
    except OSError as error:
        raise PromptError(f"{path}: cannot be read ({error.strerror})") from None
    if start.startswith(_PICTURES):
        raise PromptError(f"{path} is an image; give masks with --mask {path}")
    return _file(path, _unzipped(path) if start.startswith(_ZIP) else read_text(path))


def _file(path: Path, text: str) -> Found:
    first = text.lstrip()[:1]
    if first == "<":
        return _xml(path, text)
    if first in ("{", "[") or path.suffix.lower() == ".json":
        return _json(path, parse_json(text, path))
    return _text(path, text)


def _unzipped(path: Path) -> str:
    """The only XML or JSON file of an export as CVAT makes it; raises PromptError."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [item for item in archive.infolist() if item.filename.lower().endswith((".xml", ".json"))]
            if len(members) != 1:
                raise PromptError(f"{path} holds {len(members)} XML or JSON files; unpack it, and give the right one")
            if members[0].file_size > _MOST_UNZIPPED:
                raise PromptError(f"{path}: {members[0].filename[:60]} has more than a gigabyte")
            return archive.read(members[0]).decode("utf-8-sig")
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, zlib.error) as error:
        raise PromptError(f"{path}: cannot be read as a zip file ({error})") from None


def _folder(path: Path) -> Found:
    if (path / "annotations.xml").is_file():
        return recognise(path / "annotations.xml")
    if any((path / place).is_file() for place in mot.PLACES):
        return Found(path, "MOT boxes", None, mot.read_mot_folder)
    if files := files_in(path, ".json"):
        one = len(files) == 1
        return recognise(files[0]) if one else Found(path, "LabelMe files", None, labelme.read_labelme_folder)
    if yolo.label_files(path):
        return Found(path, "YOLO labels", None, yolo.read_yolo_folder)
    if davis.mask_files(path) or davis.object_folders(path):
        return Found(path, "DAVIS masks", None, davis.read_davis)
    raise PromptError(
        f"{path} has none of: PNG masks (DAVIS), .txt labels (YOLO), .json files (LabelMe), annotations.xml (CVAT),"
        " gt/gt.txt (MOT)"
    )


def _json(path: Path, content: Any) -> Found:
    keys = set(content) if isinstance(content, dict) else set()
    if "shapes" in keys:
        return Found(path, "LabelMe", content, labelme.read_labelme)
    if "annotations" in keys and "images" in keys:
        return Found(path, "COCO", content, coco.read_coco)
    if "annotations" in keys and "videos" in keys:
        return Found(path, "YouTube-VIS", content, ytvis.read_ytvis)
    if isinstance(content, list) and content and isinstance(content[0], dict):
        if detections.CORNERS[0] in content[0]:
            return Found(path, "detections of supervision", content, detections.read_sink_json)
        if "image_id" in content[0]:
            return Found(path, "COCO results", content, coco.read_coco)
    if not keys or "prompts" in keys:
        return Found(path, "prompts", content)
    some = ", ".join(shown(key) for key in sorted(keys)[:5])
    raise PromptError(f"{path} has the keys {some}; expected {_KNOWN}")


def _xml(path: Path, text: str) -> Found:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise PromptError(f"{path}: XML with a document type, which CVAT does not write")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise PromptError(f"{path}: bad XML: {error}") from None
    if root.tag != "annotations" or (root.find("track") is None and root.find("image") is None):
        raise PromptError(f"{path}: XML of <{root.tag[:40]}>; expected CVAT's <annotations> with tracks or images")
    return Found(path, "CVAT", root, cvat.read_cvat)


def _text(path: Path, text: str) -> Found:
    line = next((line for line in text.splitlines() if line.strip()), "")
    if not line:
        raise PromptError(f"{path} is empty; nothing is marked")
    if set(detections.CORNERS) <= {word.strip() for word in line.split(",")}:
        return Found(path, "detections of supervision", text, detections.read_sink_csv)
    if line.count(",") >= mot.LEAST - 1:
        return Found(path, "MOT boxes", text, mot.read_mot)
    if "," not in line and len(line.split()) >= yolo.LEAST:
        return Found(path, "YOLO labels", text, yolo.read_yolo)
    raise PromptError(f"{path} begins with {shown(line)}; expected {_KNOWN}")
