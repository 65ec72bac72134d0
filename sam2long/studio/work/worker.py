"""The worker: one thread that owns the session, and does what the tabs ask, also between two visits while following."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from sam2long.errors import UserError
from sam2long.studio import masks
from sam2long.studio.describe import FrameView, describe_lane, describe_state
from sam2long.studio.fields import Fields, Message, MessageError
from sam2long.studio.frames import FrameImages
from sam2long.studio.tabs import Tabs
from sam2long.studio.work.edits import Edits
from sam2long.studio.work.export import FORMATS, Export, ExportSettings
from sam2long.studio.work.following import Following
from sam2long.studio.work.inbox import Command, Inbox
from sam2long.studio.work.plan import Wish
from sam2long.studio.work.preparing import Preparer
from sam2long.studio.work.pushing import Pusher
from sam2long.studio.work.reviewing import Reviewer
from sam2long.studio.work.saving import Saver
from sam2long.tracking import Session
from sam2long.tracking.prompting.edits import EditNote

_MOST_MASKS = 64
"""Maximum number of frames whose masks can be asked for at once."""
_REST = 0.5
"""Seconds without a command after which long work, such as the review, begins."""
_PROMPTING = ("click", "box", "mask", "brush", "move_point", "remove_point", "preview")
_READING = ("show", "masks", "doubts", "take_over")


class Worker:
    """Owns the session; only its thread uses it, once it has been started.

    Besides the messages of docs/studio-protocol.md it obeys "open" and "close", which say that a tab comes or goes.

    Args:
        session: the session.
        path: its file, saved after every edit and while following.
        hello: the `hello` message, without `writer`.
        exports: where exports go.
        images: of the frames.

    Attributes:
        inbox: commands of the tabs.
    """

    def __init__(
        self,
        session: Session,
        path: Path,
        hello: Message,
        exports: ExportSettings,
        images: FrameImages,
    ) -> None:
        count = session.source.frame_count
        assert count is not None
        self.inbox = Inbox()
        self._session, self._hello, self._exports, self._images = session, hello, exports, images
        self._frame_count = count
        self._edits = Edits(session, count)
        self._tabs = Tabs()
        self._revision = 0
        self._wish: Wish | None = None
        self._following: Following | None = None
        self._export: Export | None = None
        self._preparer = Preparer(session, images.decoded, self._tabs.send)
        self._saver = Saver(session, path, self._tabs.send)
        self._reviewer = Reviewer(session, self._tabs.send)
        self._pusher = Pusher(session, self._tabs, self._show_again)
        self._commanded = 0.0
        self._closing = False
        self._handlers: dict[str, Callable[[Command, Fields], Message | None]] = {
            "show": self._show,
            "masks": self._masks,
            "doubts": self._send_doubts,
            "take_over": self._take_over,
            "preview": self._preview,
            "follow": self._follow_soon,
            "stop": self._stop,
            "export": self._export_soon,
            "cancel_export": self._cancel_export,
        }
        self._thread = Thread(target=self._run, name="studio", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop whatever goes on, save, and end the thread."""
        self._closing = True
        self._thread.join()

    def _run(self) -> None:
        while not self._closing:
            try:
                self._work()
            except Exception:  # a bug; the session is whole, and the page's next wish may fare better
                traceback.print_exc()
        self._saver.save()

    def _work(self) -> None:
        """Do the next thing."""
        if self._wish is not None:
            self._follow(self._wish)
        elif self._export is not None:
            self._write(self._export)
        else:
            self._obey_next(self._patience())
            if not self.inbox:
                self._rest()

    def _patience(self) -> float:
        """Seconds to wait for the next command: not long if there is something to do meanwhile."""
        if self._preparer.waiting:
            return _REST / 50
        return _REST / 10 if self._session.unsaved else _REST / 2

    def _rest(self) -> None:
        """Do one thing that can be done while no command waits."""
        idle = time.monotonic() - self._commanded
        if self._preparer.go_on() or self._saver.while_idle(idle) or self._preparer.prepare_corrections():
            return
        if idle > _REST:
            self._reviewer.go_on(self._revision)

    def _between(self) -> None:
        """Obey all commands between two frames of following or exporting."""
        self._images.rest()
        self._saver.note()
        if self._following is not None:
            self._pusher.visited(self._revision)
        while self._obey_next(0.0):
            pass
        if self._closing and self._following is not None:
            self._following.stop()
        if self._following is not None and self._following.due():
            self._tabs.send(self._following.message())
        self._preparer.go_on()
        self._saver.while_following()

    def _obey_next(self, seconds: float) -> bool:
        """Obey the next command, if one comes in so many seconds. Returns whether one did."""
        command = self.inbox.take(seconds)
        if command is None:
            return False
        if command.kind == "open":
            self._open(command)
        elif command.kind == "close":
            self._tabs.remove(command.tab)
        else:
            self._commanded = time.monotonic()
            self._images.rest()
            self._answer(command)
        return True

    def _answer(self, command: Command) -> None:
        """Obey a command of a page, and answer it."""
        number = command.message.get("id")
        try:
            answer: Message | None = self._obey(command)
        except UserError as error:
            answer = {"type": "error", "id": number, "message": str(error)}
        except Exception as error:  # a bug; the session is whole, since visits are transactions
            traceback.print_exc()
            answer = {"type": "error", "id": number, "message": f"something went wrong in the server: {error!r}"}
        if answer is not None:
            command.tab.send(answer)

    def _obey(self, command: Command) -> Message | None:
        kind, fields = command.kind, Fields(command.message)
        if kind not in _READING and not command.tab.writer:
            raise MessageError("another tab is editing; take over to edit here")
        if kind in _PROMPTING:
            self._preparer.finish(fields.whole("frame", self._frame_count - 1))
        if kind in self._edits.table:
            done = self._edit(kind, fields)
        elif kind in self._handlers:
            found = self._handlers[kind](command, fields)
            if found is None:
                return None
            done = found
        else:
            raise MessageError(f"the server does not know {kind[:40]!r}")
        return {"type": "done", "id": command.message.get("id"), **done}

    def _open(self, command: Command) -> None:
        self._tabs.add(command.tab)
        hello = {"type": "hello", **self._hello, "writer": command.tab.writer}
        command.tab.send(hello, describe_state(self._session, self._revision))
        for object_id in self._session.object_ids:
            command.tab.send(describe_lane(self._session, object_id, self._revision))
        command.tab.send(self._reviewer.message, self._saver.message)
        if self._following is not None:
            command.tab.send(self._following.message())

    def _edit(self, kind: str, fields: Fields) -> Message:
        if self._export is not None:
            raise MessageError("an export is running; wait until it ends, or cancel it")
        before = len(self._session.undoable)
        done = self._edits.table[kind](fields)
        note = (self._session.redoable if kind == "undo" else self._session.undoable)[-1]
        if kind not in ("undo", "redo") and len(self._session.undoable) == before:
            return done  # nothing has changed
        self._revision += 1
        self._saver.note(edit=True)
        self._tell(note)
        self._prepare_shown()
        if self._following is not None and (note.first is not None or "locked" in note.what):
            self._following.restart()
        return done

    def _tell(self, note: EditNote) -> None:
        """Tell all tabs what an edit has changed, first the masks that they see."""
        if note.first is None or note.last is None:
            self._tabs.send(describe_state(self._session, self._revision))
            return
        self._reviewer.due = True
        last = min(note.last, self._frame_count - 1)
        place = {"object": note.object_id, "revision": self._revision}
        for frame in {tab.shown for tab in self._tabs if tab.shown is not None}:
            if note.first <= frame <= last or frame == note.frame:
                self._show_again(frame)
        self._tabs.send(
            describe_state(self._session, self._revision),
            {"type": "changed", "first": note.first, "last": last, **place},
            describe_lane(self._session, note.object_id, self._revision),
        )

    def _prepare_shown(self) -> None:
        for tab in self._tabs:
            if tab.shown is not None and (tab.writer or not self._preparer.waiting):
                self._preparer.want(tab.shown)

    def _show_again(self, frame: int) -> None:
        view = FrameView(self._session, frame, self._revision)
        for tab in self._tabs:
            if tab.shown == frame:
                tab.send(*view.coded(tab.width, masks.SHOWN), view.message())

    def _show(self, command: Command, fields: Fields) -> Message | None:
        tab = command.tab
        tab.shown, tab.width = fields.whole("frame", self._frame_count - 1), fields.whole("width", 4096, 16)
        view = FrameView(self._session, tab.shown, self._revision)
        tab.send(*view.coded(tab.width, masks.SHOWN), view.message())
        self._preparer.want(tab.shown)
        return None

    def _masks(self, command: Command, fields: Fields) -> Message | None:
        first, last = (fields.whole(name, self._frame_count - 1) for name in ("first", "last"))
        if last - first >= _MOST_MASKS:
            raise MessageError(f"masks of {_MOST_MASKS} frames at most can be asked for at once")
        for frame in range(first, last + 1):
            if self.inbox and frame > first:
                self.inbox.put(Command(command.tab, {**command.message, "first": frame}))
                return None
            command.tab.send(*FrameView(self._session, frame, self._revision).coded(command.tab.width, masks.ASKED))
        return {}

    def _send_doubts(self, command: Command, _: Fields) -> Message | None:
        command.tab.send(self._reviewer.message)
        return None

    def _take_over(self, command: Command, _: Fields) -> Message:
        self._tabs.let_write(command.tab)
        return {}

    def _preview(self, command: Command, fields: Fields) -> Message | None:
        frame, object_id = self._edits.place_or_new(fields)
        point, label = (fields.real("x"), fields.real("y")), fields.whole("label", 1)
        sequence = fields.whole("seq", 2**32 - 1)
        preview = self._session.preview_points(frame, object_id or self._edits.unused, [point], [label])
        place = {"object_id": object_id or masks.NEW, "frame": frame, "revision": self._revision}
        coded = masks.encode(preview.mask, command.tab.width, kind=masks.PREVIEW, sequence=sequence, **place)
        command.tab.send(coded)
        return None

    def _follow_soon(self, _: Command, fields: Fields) -> Message:
        self._check_idle()
        direction = fields.one_of("direction", ("forward", "backward", "both"))
        first, last = (
            fields.whole(name, self._frame_count - 1) if fields.has(name) else None for name in ("first", "last")
        )
        if first is not None and last is not None and first > last:
            raise MessageError("the first frame of the range comes after its last")
        if not self._session.object_ids:
            raise MessageError("there is nothing to follow yet; mark an object first")
        self._wish = Wish(direction, first, last)
        return {}

    def _stop(self, _: Command, __: Fields) -> Message:
        if self._following is not None:
            self._following.stop()
            self._tabs.send(self._following.message())
        self._wish = None
        return {}

    def _follow(self, wish: Wish) -> None:
        """Follow until all is up to date, or until told to stop."""
        self._preparer.forget()
        self._following = following = Following(self._session, wish, self._frame_count, self._between)
        ending, reason = "ended", "everything is up to date" if following.nothing_to_do else None
        try:
            self._tabs.send(following.message())
            for result in following.run():
                self._saver.note()
                self._pusher.decided(result, self._revision)
            ending = "ended" if self._wish is not None else "stopped"
        except UserError as error:
            ending, reason = "failed", str(error)
        except Exception as error:  # a bug; the session is whole, since visits are transactions
            traceback.print_exc()
            ending, reason = "failed", f"something went wrong in the server: {error!r}"
        self._pusher.rest(self._revision)
        self._wish = self._following = None
        self._prepare_shown()
        self._saver.after_following()
        self._tabs.send(following.message(ending, reason))
        self._reviewer.due = True

    def _export_soon(self, _: Command, fields: Fields) -> Message:
        formats = fields.some_of("formats", tuple(FORMATS))
        dry = fields.has("dry") and fields.flag("dry")
        if not dry:
            self._check_idle()
        export = Export(self._session, formats, self._exports)
        if not dry:
            self._export = export
        return {"command": export.command()}

    def _cancel_export(self, _: Command, __: Fields) -> Message:
        if self._export is not None:
            self._export.cancelled = True
        return {}

    def _check_idle(self) -> None:
        if self._wish is not None:
            raise MessageError("following is running; stop it first")
        if self._export is not None:
            raise MessageError("an export is running; wait until it ends, or cancel it")

    def _write(self, export: Export) -> None:
        """Carry out an export."""
        sent = 0.0
        ending, reason = "failed", None
        try:
            for _ in export.run():
                if time.monotonic() - sent > 0.1:
                    sent = time.monotonic()
                    self._tabs.send(export.message("running"))
                self._between()
                export.cancelled = export.cancelled or self._closing
            ending = "cancelled" if export.cancelled else "done"
        except UserError as error:
            reason = str(error)
        except Exception as error:  # a bug; the session has not been touched
            traceback.print_exc()
            reason = f"something went wrong in the server: {error!r}"
        self._export = None
        self._tabs.send(export.message(ending, reason))
