"""The session archive (`.s2l`): a zip of JSON and safetensors, written atomically (docs/session-file.md)."""

from __future__ import annotations

import json
import os
import secrets
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, astuple, dataclass, fields
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError

from sam2long.errors import OutputError, SessionError
from sam2long.results.observation import Observation
from sam2long.tracking.saving.codec import Json, SessionDecoder, SessionEncoder, style_of, whole
from sam2long.tracking.saving.dead_parts import clear_dead_parts
from sam2long.tracking.scenes import MODES
from sam2long.tracking.state import SessionState
from sam2long.tracking.storage.store import PackedResult, ResultStore, StoredResult
from sam2long.tree import TreeConfig
from sam2long.version import VERSION
from sam2long.video.fingerprint import Fingerprint, fingerprint

FORMAT, FORMAT_VERSION = "sam2long session", 3
_OLDER = 2
"""Version of files that earlier versions of sam2long can read: without references, and with cuts that mean nothing."""

_OPTIONS = ("trace", "keep_logits", "max_delay", "cuts")
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    SafetensorError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What reading a damaged file can raise."""
_INFLATION, _SMALL = 100, 1 << 24
"""Members above `_SMALL` bytes that inflate more than `_INFLATION` times are refused; traces inflate about tenfold."""

_CHUNK = 512
"""Number of results per member of the zip."""
_BLOBS = tuple(field.name for field in fields(PackedResult))
_REAL = {"time", "iou", "object_score", "disagreement", "lead"}


@dataclass(frozen=True)
class Header:
    """The description of a session in its file.

    Attributes:
        source: path of the video, or None if its frames came from memory.
        video: fingerprint of the video.
        tree: hyperparameters of the memory tree.
        weights: digest of the network's parameters.
        options: other arguments of the session.
        data: the whole `session.json`, with objects and counters.
    """

    source: str | None
    video: Fingerprint
    tree: TreeConfig
    weights: str
    options: dict[str, Any]
    data: Json


def write_session(path: Path, state: SessionState, video: Fingerprint, weights: str) -> None:
    """Save a session, replacing an existing file.

    Raises:
        OutputError: the file cannot be written; an existing one is left unchanged.
    """
    temporary = _temporary(path)
    clear_dead_parts(path)
    encoder = SessionEncoder()
    tracks = [{"id": object_id, **encoder.track(track)} for object_id, track in state.tracks.items()]
    try:
        with temporary.open("xb") as stream:
            _write_members(stream, encoder, _describe(state, tracks, video, weights), state)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise OutputError(f"cannot save the session to {path}: {error.strerror}") from error
    finally:  # also after Ctrl-C
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the new name of a file in it survive a power cut, where the system can."""
    if os.name != "posix":
        return
    with suppress(OSError):  # some network file systems know no such thing, and some folders may only be written to
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def check_can_save(path: Path) -> None:
    """Check that a session can be saved to a path, before hours of work end in "permission denied".

    Raises:
        OutputError: no file can be created beside it.
    """
    temporary = _temporary(path)
    try:
        temporary.touch(exist_ok=False)
        temporary.unlink()
    except OSError as error:
        raise OutputError(f"cannot save the session to {path}: {error.strerror}") from error


def _temporary(path: Path) -> Path:
    """A unique name, so that two processes saving to the same path do not write into the same file."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")


def read_header(path: Path) -> Header:
    """Read the description of a session from its file.

    Raises:
        SessionError: the file does not exist, is damaged, is not a session file, or was written by a newer version.
    """
    with opened_session(path) as file:
        data = json.loads(file.read("session.json"), object_pairs_hook=_unique)
        if data.get("format") != FORMAT:
            raise SessionError(f"{path} is not a sam2long session file")
        if data["version"] > FORMAT_VERSION:
            raise SessionError(
                f"{path} has format version {data['version']}, but sam2long {VERSION} reads only up to version "
                f"{FORMAT_VERSION}; it was written by sam2long {data['made_by']}"
            )
        tree = {**data["tree"], "modulation": data["tree"]["modulation"] and tuple(data["tree"]["modulation"])}
        return Header(
            data["source"],
            Fingerprint(**data["video"]),
            TreeConfig(**tree),
            data["model"]["weights"],
            _options(data["options"], path),
            data,
        )


def read_session(path: Path, header: Header, state: SessionState) -> None:
    """Load a session file into an empty state.

    Raises:
        SessionError: the file is damaged.
    """
    from safetensors.torch import load

    assert state.store is not None
    with opened_session(path) as file:
        decoder = SessionDecoder(load(file.read("memory.safetensors")), state.model, state.size, state.config)
        for item in header.data["objects"]:
            live = item["live"]
            clocks = {live["stride"]: state.clock(live["stride"])} if live else {}
            state.tracks[item["id"]] = decoder.track(item, clocks)
        for name in result_members(file):
            _unpack_chunk(file.read(name), state.store)
        for line in file.read("traces.jsonl").decode().splitlines():
            row = json.loads(line)
            state.store.put_trace(row["object"], row["row"]["frame"], row["stride"], 0, json.dumps(row["row"]))
        # Version 1 has no styles.
        for item in header.data.get("styles", ()):
            state.styles[whole(item["id"])] = style_of(item)
        state.layer = whole(header.data["layer"])
        state.scenes.found = scene_cuts(header.data)


def scene_cuts(data: Json) -> set[tuple[int, int]]:
    """The scene cuts in `session.json`, see `SceneCuts.found`; older files have none."""
    return {(whole(sign, -1), whole(frame)) for sign, frame in data.get("cuts", ())}


def read_results(path: Path, store: ResultStore) -> None:
    """Load the results of a session file into an empty store; raises SessionError if the file is damaged."""
    with opened_session(path) as file:
        for name in result_members(file):
            _unpack_chunk(file.read(name), store)


def _options(options: Json, path: Path) -> Json:
    """Check that the options of a session file are known and complete."""
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise SessionError(f"{path} has an option that sam2long {VERSION} does not know: {unknown[0]!r}")
    if {"max_delay"} - set(options):
        raise SessionError(f"{path} is damaged or not a session file (its option 'max_delay' is missing)")
    for name, value in options.items():
        if name == "cuts" and value in MODES:
            continue
        delay = name == "max_delay" and (value is None or (type(value) is int and value >= 0))
        if not (delay or (name != "max_delay" and isinstance(value, bool))):
            raise SessionError(f"{path} is damaged or not a session file (its option {name!r} is {value!r})")
    return options


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    """Build a JSON object, rejecting duplicate keys."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)!r} occurs twice in session.json")
    return found


def is_session(path: Path) -> bool:
    """Whether a file looks like a session file, even a damaged one."""
    return path.suffix == ".s2l" or zipfile.is_zipfile(path)


def read_observations(path: Path) -> Iterator[Observation]:
    """Yield the observations of every object on every frame from a session file; needs neither video nor network.

    For a frame that was tracked in both directions, the later result is used.

    Raises:
        SessionError: as `read_header`.
    """
    from safetensors.numpy import load

    scenes = scene_cuts(read_header(path).data)
    last: StoredResult | None = None
    with opened_session(path) as file:
        for name in result_members(file):
            for result in _rows(load(file.read(name))):
                if last is None or (result.object_id, result.frame) != (last.object_id, last.frame):
                    yield result.observed(scenes)
                last = result


def check_same(header: Header, path: Path, state: SessionState, weights: str) -> Fingerprint:
    """Check that a session file belongs to this video and network; return the video's fingerprint.

    Raises:
        SessionError: it does not.
    """
    video = fingerprint(state.source)
    if video != header.video:
        was, now = ((f"{one.frames} frames of {one.width}x{one.height}") for one in (header.video, video))
        detail = f": it had {was}, now it has {now}" if was != now else ""
        raise SessionError(f"{state.source.name} is not the video that {path} was made from, or has changed{detail}")
    if weights != header.weights:
        name = header.data["model"]["name"]
        raise SessionError(f"{path} was made with other weights or another precision ({name}); open it with the same")
    return video


def _describe(state: SessionState, tracks: list[Json], video: Fingerprint, weights: str) -> Json:
    path, cuts = state.source.path, state.scenes.mode
    options = {"trace": state.trace, "keep_logits": state.keep_logits, "max_delay": state.max_delay}
    newer = cuts != "keep" or any(track.references for track in state.tracks.values())
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION if newer else _OLDER,
        "made_by": VERSION,
        "source": None if path is None else str(path.resolve()),
        "video": asdict(video),
        "model": {"name": state.model.config.name, "weights": weights},
        "tree": asdict(state.config),
        "options": options if cuts == "keep" else {**options, "cuts": cuts},
        "cuts": sorted(state.scenes.found),
        "layer": state.layer,
        "objects": tracks,
        "styles": [{"id": object_id, **asdict(style)} for object_id, style in state.styles.items()],
    }


def _write_members(stream: IO[bytes], encoder: SessionEncoder, session: Json, state: SessionState) -> None:
    from safetensors.torch import save

    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("session.json", json.dumps(session, indent=1))
        file.writestr("memory.safetensors", save({k: v.contiguous().clone() for k, v in encoder.tensors.items()}))
        for number, chunk in enumerate(_chunks(_results(state))):
            file.writestr(f"results/{number:06d}.safetensors", _pack_chunk(chunk))
        file.writestr("traces.jsonl", "".join(_traces(state)), zipfile.ZIP_DEFLATED)


def _results(state: SessionState) -> Iterator[tuple[StoredResult, PackedResult]]:
    """Yield the newest up-to-date result for each object, frame and stride."""
    assert state.store is not None
    for object_id, track in state.tracks.items():
        seen: set[tuple[int, int]] = set()
        for result in state.store.every(track, object_id):
            key = (result.frame, result.stride)
            if key not in seen:
                seen = {key, *(other for other in seen if other[0] == result.frame)}
                yield result, state.store.packed(result)


def _traces(state: SessionState) -> Iterator[str]:
    assert state.store is not None
    for object_id, track in state.tracks.items():
        for stride, row in state.store.traces(track, object_id):
            yield json.dumps({"object": object_id, "stride": stride, "row": json.loads(row)}) + "\n"


def _chunks(items: Iterable[tuple[StoredResult, PackedResult]]) -> Iterator[list[tuple[StoredResult, PackedResult]]]:
    source = iter(items)
    while chunk := list(islice(source, _CHUNK)):
        yield chunk


def _pack_chunk(chunk: list[tuple[StoredResult, PackedResult]]) -> bytes:
    from safetensors.numpy import save

    arrays: dict[str, npt.NDArray[Any]] = {}
    for number, field in enumerate(fields(StoredResult)):
        kind = np.float64 if field.name in _REAL else np.int64
        arrays[field.name] = np.array([astuple(result)[number] for result, _ in chunk], kind)
    for name in _BLOBS:
        blobs = [getattr(packed, name) for _, packed in chunk]
        arrays[name] = np.frombuffer(b"".join(blobs), np.uint8)
        arrays[f"{name}_ends"] = np.cumsum([len(blob) for blob in blobs], dtype=np.int64)
    return save(arrays)


def result_members(file: zipfile.ZipFile) -> list[str]:
    """Names of the members with results, in order."""
    return sorted(name for name in file.namelist() if name.startswith("results/"))


def _rows(arrays: dict[str, npt.NDArray[Any]]) -> Iterator[StoredResult]:
    columns = [arrays[field.name].tolist() for field in fields(StoredResult)]
    if any(np.isnan(arrays[name]).any() for name in _REAL):
        raise ValueError("a result with NaN for a number")
    return (StoredResult(*values) for values in zip(*columns, strict=True))


def _unpack_chunk(data: bytes, store: ResultStore) -> None:
    from safetensors.numpy import load

    arrays = load(data)
    blobs = []
    for name in _BLOBS:
        ends = arrays[f"{name}_ends"].tolist()
        whole = arrays[name].tobytes()
        blobs.append([whole[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)])
    for result, *packed in zip(_rows(arrays), *blobs, strict=True):
        store.put_back(result, PackedResult(*packed))


def _check_sizes(file: zipfile.ZipFile, path: Path) -> None:
    """Refuse a file with duplicate members, or with one that would inflate excessively, before reading any."""
    names = [member.filename for member in file.infolist()]
    if len(set(names)) < len(names):
        raise SessionError(f"{path} is damaged or not a session file (a member occurs twice)")
    for member in file.infolist():
        if member.file_size > _SMALL and member.file_size > _INFLATION * member.compress_size:
            raise SessionError(
                f"{path} was refused: its member {member.filename} would inflate from {member.compress_size} to "
                f"{member.file_size} bytes"
            )


@contextmanager
def opened_session(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a session file; any error while it is read is raised as a SessionError that names the file."""
    try:
        with zipfile.ZipFile(path) as file:
            _check_sizes(file, path)
            yield file
    except FileNotFoundError:
        raise SessionError(f"there is no session file {path}") from None
    except OSError as error:
        raise SessionError(f"{path} cannot be read: {error.strerror or error}") from error
    except _DAMAGE as error:
        raise SessionError(f"{path} is damaged or not a session file ({error})") from error
