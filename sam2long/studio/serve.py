"""Starts the studio: opens video and session, and serves the page until Ctrl-C."""

from __future__ import annotations

import errno
import ipaddress
import socket
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sam2long.errors import ConfigError, OutputError, SessionError, UserError
from sam2long.model import SAM2
from sam2long.results.palette import bright_colour
from sam2long.studio.fields import MOST_BYTES, Message
from sam2long.studio.work.export import FORMATS, ExportSettings
from sam2long.tracking import Session
from sam2long.tracking.saving.archive import is_session, read_header
from sam2long.version import VERSION
from sam2long.video import VideoSource
from sam2long.video.fingerprint import fingerprint

DEFAULT_PORT = 8421
_COLOURS = 12
_FEATURES = "256MB"


@dataclass(frozen=True)
class Place:
    """What the studio works on, and where it writes.

    Attributes:
        video: path of the video.
        session: path of the session file, which need not exist.
        folder: folder for exports.
    """

    video: str
    session: Path
    folder: Path


def find_place(given: str, session: Path | None, out: Path | None) -> Place:
    """Find video and session file from the argument of the command, either of which it may name.

    Raises:
        SessionError: the session file cannot be read, or does not say where its video is.
    """
    path = Path(given)
    if session is None and path.is_file() and is_session(path):
        source = read_header(path).source
        if source is None:
            raise SessionError(f"{path} was made from frames in memory; the studio needs a video")
        video, session = source, path
    else:
        video = given
        named = path if path.exists() else Path("video")
        session = session or named.with_name(f"{named.stem if named.is_file() else named.name}.s2l")
    return Place(video, session, out or session.with_name(f"{session.stem}-masks"))


@dataclass(frozen=True)
class Address:
    """Where the server listens.

    Attributes:
        host: address to bind.
        port: port, or None for the usual one if it is free.
        allow_remote: whether `host` may be reachable from other machines.

    Raises:
        ConfigError: it is reachable without `allow_remote`.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    allow_remote: bool = False

    def __post_init__(self) -> None:
        if self.remote and not self.allow_remote:
            raise ConfigError(
                f"--host {self.host} lets other machines in; add --allow-remote if that is meant (the page stays "
                "behind its token, but is sent unencrypted)"
            )

    @property
    def remote(self) -> bool:
        """Whether other machines can reach it."""
        if self.host == "localhost":
            return False
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return True

    def bind(self) -> socket.socket:
        """Bind a socket.

        Raises:
            ConfigError: the address cannot be used.
        """
        try:
            return _bind(self.host, DEFAULT_PORT if self.port is None else self.port)
        except OSError as error:
            if self.port is None and error.errno == errno.EADDRINUSE:
                return _bind(self.host, 0)
            reason = error.strerror or error
            raise ConfigError(f"cannot listen on {self.host} port {self.port or DEFAULT_PORT}: {reason}") from error


def serve(
    place: Place,
    source: VideoSource,
    load: Callable[[], SAM2],
    address: Address,
    exports: ExportSettings,
    browser: bool,
) -> None:
    """Serve the page until Ctrl-C or SIGTERM.

    Args:
        place: what to work on.
        source: the video.
        load: loads the network.
        address: where to listen.
        exports: where exports go.
        browser: whether to open a browser.

    Raises:
        UserError: the studio cannot start; Starlette or uvicorn is not installed.
    """
    check_installed()
    import uvicorn

    from sam2long.studio.app import StudioApp
    from sam2long.studio.frames import FrameImages
    from sam2long.studio.guard import Guard
    from sam2long.studio.work.worker import Worker

    _check_source(source)
    with _locked(place.session), address.bind() as listening, _session(place, load(), source) as session:
        key = fingerprint(source).digest[:16]
        images = FrameImages(source, place.session.parent)
        worker = Worker(session, place.session, _hello(session, place, key), exports, images)
        app = StudioApp(source, images, key, worker.inbox)
        port = listening.getsockname()[1]
        guard = Guard(app.routes, port, address.remote)
        name = socket.gethostname() if address.remote else "127.0.0.1"
        url = f"http://{name}:{port}/?token={guard.token}"
        config = uvicorn.Config(
            guard,
            ws_max_size=MOST_BYTES,
            ws_per_message_deflate=False,
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        worker.start()
        listening.listen()  # now, so that whoever reads the address can connect at once
        try:
            print(f"The studio is at {url} (Ctrl-C ends it; everything is saved in {place.session})", flush=True)
            if browser:
                webbrowser.open(url)
            uvicorn.Server(config).run(sockets=[listening])
        finally:
            worker.close()
            images.close()


def _session(place: Place, model: SAM2, source: VideoSource) -> Session:
    """Open the saved session, or begin one."""
    if place.session.exists():
        return Session.open(place.session, model, source, feature_cache=_FEATURES, undo_depth=None)
    session = Session(model, source, feature_cache=_FEATURES, undo_depth=None)
    session.save(place.session)  # now rather than after the first edit, if it cannot be written
    return session


def _hello(session: Session, place: Place, key: str) -> Message:
    source = session.source
    colours = [bright_colour(number) for number in range(1, _COLOURS + 1)]
    return {
        "protocol": 1,
        "version": VERSION,
        "video": {
            "name": source.name,
            "frames": source.frame_count,
            "fps": source.fps,
            "width": source.width,
            "height": source.height,
            "pixel_aspect": float(source.pixel_aspect),
            "key": key,
        },
        "model": {"name": session.model.config.name, "device": str(session.model.device)},
        "formats": [{"name": name, "what": what} for name, what in FORMATS.items()],
        "palette": ["#{:02x}{:02x}{:02x}".format(*(int(part) for part in colour)) for colour in colours],
        "session": str(place.session),
        "limits": {"message": MOST_BYTES},
    }


def _check_source(source: VideoSource) -> None:
    if not source.seekable or not source.frame_count:
        raise ConfigError(f"{source.name} cannot be read in any order; the studio needs a video file or images")


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    return listening


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep a second studio away from a session file.

    Raises:
        OutputError: another process has it, or its folder cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise OutputError(f"another studio is working on {path}; use its page, or end it first") from None
    except OSError as error:
        raise OutputError(
            f"cannot write in {path.parent} ({error.strerror}); name another place with --session FILE.s2l"
        ) from error
    try:
        yield
    finally:
        lock.release()


def check_installed() -> None:
    """Raise UserError unless the libraries of the extra are installed."""
    if any(find_spec(name) is None for name in ("starlette", "uvicorn", "websockets")):
        raise UserError("the studio needs further libraries: pip install 'sam2long[studio]'")
