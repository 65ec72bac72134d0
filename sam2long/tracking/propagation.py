"""One propagation: visits the frames that need the network, takes the others from the store, yields all in order."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from threading import Event, get_ident

from sam2long.model.image_encoder import ImageFeatures
from sam2long.results import FrameResult
from sam2long.tracking.frame.encode_ahead import batch_size, encode_ahead
from sam2long.tracking.frame.outcome import Outcome, compact, fetch_masks
from sam2long.tracking.frame.search import aim
from sam2long.tracking.frame.tracker import Tracker
from sam2long.tracking.frame.waiting import WaitingFrame
from sam2long.tracking.plan import Plan
from sam2long.tracking.progress import Progress
from sam2long.tracking.rebuild import condition_on_prompts, conditioning_of, makes_forget, rebuild
from sam2long.tracking.state import Place, SessionState
from sam2long.tracking.storage.store import StoredResult
from sam2long.tracking.track import Cut, LiveTree, Track

_UNPACKED = 8
"""Number of newest waiting frames whose mask logits are kept; older ones are packed to a few kilobytes each."""


class Propagation:
    """Brings the objects' results up to date over a range of frames, and yields them in the order of the visit.

    A frame goes through four states:

    1. Not visited.
    2. Waiting: visited, and in `waiting` until every object present has an outcome on it. Stored results and prompts
       are outcomes at once; an object's tree has one as soon as its pathways agree.
    3. Decided: every object present has an outcome. The frame stays in `waiting` until all frames before it are out.
    4. Out: its result has been yielded, which happens once, even if an edit later has the frame visited again.

    The transitions, each a method:

    - `_visit`: not visited -> waiting.
    - `_add_outcome`: waiting -> decided, with the outcome of the last object.
    - `finish`: waiting -> decided, for all frames, as the best pathways have them; at the end of the plan.
    - `results`: decided -> out.
    - `note` takes notice of an edit, and `_go_back`: waiting or decided -> not visited, from the first outdated frame.
    - `_stop_waiting`: waiting -> decided, where an edit leaves objects that cannot be decided (without stored results).

    On a visited frame each object is in one of four cases: up to date (its result is stored), pending (its tree has
    visited the frame and not decided it), prompted, or tracked. Only the last two need the image, and only the last
    one needs the tracker.

    Attributes:
        plan: the frames to visit.
        waiting: visited frames that are not out yet, by frame number, in the order of the visit.
        thread: id of the thread that takes the results.
        running: whether `run` has started and not ended.
        cancelled: set, from any thread, to end `run` after the current visit; what is undecided stays so.
        ended_at: the first frame of a new scene, if the session was asked to stop there.
    """

    def __init__(
        self,
        state: SessionState,
        plan: Plan,
        before_prompts: bool,
        after_visit: Callable[[], None] | None = None,
        objects: frozenset[int] | None = None,
    ) -> None:
        self.plan = plan
        self.cancelled = Event()
        self.waiting: OrderedDict[int, WaitingFrame] = OrderedDict()
        self.thread, self.running = get_ident(), False
        self.ended_at: int | None = None
        self._state = state
        self._tracker = Tracker(state.model, state.max_delay)
        self._before_prompts = before_prompts
        self._after_visit = after_visit
        self._objects = objects
        self._position: int | None = plan.start  # next frame to visit; None at the end
        self._visited: int | None = None  # latest frame visited
        self._sent: int | None = None  # latest frame that is out
        self._rewind: int | None = None  # after an edit, the first outdated frame

    def run(self) -> Iterator[FrameResult]:
        """Visit the frames of the plan, and yield the result of each once it is decided."""
        self.thread, self.running = get_ident(), True
        try:
            yield from self._run()
            if self._state.store is not None:
                self._state.store.flush()  # what could not be stored is told, not lost in silence
        finally:
            self.running = False

    def _run(self) -> Iterator[FrameResult]:
        """Visit all frames, decide and yield what is left; start again from an edit that comes meanwhile."""
        while True:
            yield from self._visit_all()
            if self.cancelled.is_set():
                return
            self.finish()
            yield from self.results()
            if self._rewind is None:
                return
            self._go_back()

    def _visit_all(self) -> Iterator[FrameResult]:
        """Visit all frames, and yield after each visit what it decided; go back after an edit."""
        while self._position is not None and not self.cancelled.is_set():
            with closing(self._visits()) as visits:
                for _ in visits:
                    if self._after_visit is not None:
                        self._after_visit()
                    yield from self.results()
                    if self._rewind is not None or self.cancelled.is_set():
                        break
            if self._rewind is not None:
                self._go_back()

    def _visits(self) -> Generator[None, None, None]:
        """Visit frames one by one from the position on; each `yield` is one visit."""
        state = self._state
        for object_id, _ in self._followed():
            condition_on_prompts(state, object_id)
        while self._position is not None:
            if self._needs_image(self._position):
                yield from self._visit_images(self._position)
            else:
                self._visit_stored(self._position)
                yield

    def _visit_images(self, first: int) -> Generator[None, None, None]:
        """Visit frames that need the network, from `first` up to the next one that does not."""
        state = self._state
        frames = self.plan.frames(state.source, state.prompted, first)
        batch = batch_size(state.model, state.source)
        with closing(encode_ahead(frames, state.features, batch, self._wanted)) as encoded:
            for frame, features in encoded:
                if frame.index != first and not self._needs_image(frame.index):
                    self._position = frame.index
                    return
                new_scene = state.scenes.begins_scene(frame, self._visited, self.plan.stride, state.source)
                if new_scene and state.scenes.mode == "stop" and self._visited is not None:
                    self.ended_at = frame.index
                    break
                self._visit(frame.index, frame.time, features, new_scene)
                yield
        self._position = None

    def _visit_stored(self, frame: int) -> None:
        """Visit a frame on which every object has a stored result or is pending; its image is not decoded."""
        times = [result.time for _, result in self._stored(frame)]
        times += [live.pending[frame] for _, track in self._present(frame) if (live := self._pending(track, frame))]
        self._visit(frame, times[0], None, (self.plan.sign, frame) in self._state.scenes.found)

    def _visit(self, frame: int, time: float, features: ImageFeatures | None, new_scene: bool) -> None:
        """Not visited -> waiting: visit a frame as one transaction, which an exception rolls back."""
        with self._state.transaction() as visit:
            visit.on_roll_back(partial(setattr, self, "_position", self._position))
            visit.on_roll_back(partial(setattr, self, "_visited", self._visited))
            if new_scene and self._state.scenes.mode == "pause":
                self._pause(frame)
            self._visit_objects(frame, time, features)
        self._pack()

    def _pause(self, frame: int) -> None:
        """Let the objects' trees remember nothing from this frame on until the objects are found again."""
        for object_id, track in self._present(frame):
            live = self._tree_at(track, frame)
            for branch in live.tree.pause() if live is not None else ():
                self._decide(object_id, branch.frame, branch.outcome)

    def _visit_objects(self, frame: int, time: float, features: ImageFeatures | None) -> None:
        """Add the frame to `waiting`, then bring every object that is present up to date on it."""
        state = self._state
        present = self._present(frame)
        if self._sent is None or (frame - self._sent) * self.plan.sign > 0:
            assert state.visit is not None
            state.visit.on_roll_back(partial(self.waiting.pop, frame, None))
            self.waiting[frame] = WaitingFrame(frame, time, tuple(object_id for object_id, _ in present))
        stored = dict(self._stored(frame))
        for object_id, result in stored.items():
            self._add_outcome(object_id, frame, state.outcome(result))
        self._visited, self._position = frame, self.plan.after(frame, state.prompted, state.source.frame_count)
        place = Place(frame, time, self.plan.stride)
        tracked = []
        for object_id, track in present:
            if frame in track.prompts:
                self._prompt(object_id, track, place, known=object_id in stored)
            elif object_id not in stored and self._pending(track, frame) is None:
                tracked.append(object_id)
        if tracked:
            assert features is not None
            self._track(tracked, place, features)

    def _prompt(self, object_id: int, track: Track, place: Place, known: bool) -> None:
        """Visit a prompted frame: it decides the object's pending frames, and its own outcome is that of the prompt."""
        conditioning = conditioning_of(self._state, object_id, place.frame)
        live = self._tree_at(track, place.frame)
        if live is not None:
            for branch in live.tree.prompt(conditioning.node, makes_forget(self._state, object_id, place.frame)):
                self._decide(object_id, branch.frame, branch.outcome)
            self._advance(live, place.frame)
        if not known:
            self._state.keep(object_id, place, conditioning.outcome, prompted=True)
            self._add_outcome(object_id, place.frame, conditioning.outcome)

    def _track(self, object_ids: list[int], place: Place, features: ImageFeatures) -> None:
        """Let the objects' trees visit the frame, rebuilding those that did not stop just before it."""
        state, frame = self._state, place.frame
        trees = {}
        for object_id in object_ids:
            track = state.tracks[object_id]
            live = self._tree_at(track, frame)
            if live is None:
                self._finish_tree(object_id, track)
                live = track.live = LiveTree(rebuild(state, object_id, frame, place.stride), place.stride, frame)
            live.tree.prompted = track.nodes()
            live.pending[frame] = place.time
            self._advance(live, frame)
            trees[object_id] = live.tree
            if live.tree.searching:
                aim(self._tracker, live.tree, frame, features, state.tracks[object_id].references)
        self._tracker.trees = trees
        decided = self._tracker.step(frame, features, object_ids)
        outcomes = [item.outcome for item in decided]
        if state.many_pixels:
            compact(outcomes, state.size, state.keep_logits)
        else:
            fetch_masks(outcomes, state.size)
        for item in decided:
            self._decide(item.object_id, item.frame, item.outcome)
        for object_id, row in self._tracker.trace.items():
            state.note_trace(object_id, place.stride, row)

    def _add_outcome(self, object_id: int, frame: int, outcome: Outcome) -> None:
        """Waiting -> decided: add an outcome to its frame, which is decided once its last object has one."""
        if frame in self.waiting:
            outcomes = self.waiting[frame].outcomes
            if self._state.visit is not None:
                self._state.visit.on_roll_back(partial(outcomes.pop, object_id, None))
            outcomes[object_id] = outcome

    def _decide(self, object_id: int, frame: int, outcome: Outcome) -> None:
        """Store an outcome that the object's tree has decided, and add it to its frame if the strides are the same."""
        live = self._state.tracks[object_id].live
        assert live is not None
        self._state.keep(object_id, Place(frame, live.pending.pop(frame), live.stride), outcome)
        if live.stride == self.plan.stride:
            self._add_outcome(object_id, frame, outcome)

    def _finish_tree(self, object_id: int, track: Track) -> None:
        """Decide what the object's tree has left, before another tree takes its place."""
        if track.live is not None:
            for branch in track.live.tree.finish():
                self._decide(object_id, branch.frame, branch.outcome)

    def finish(self) -> None:
        """Waiting -> decided, for all frames: decide what the trees have left as their best pathways have it."""
        with self._state.transaction():
            for object_id, track in self._followed():
                if track.live is not None and track.live.pending:
                    self._finish_tree(object_id, track)

    def results(self) -> Iterator[FrameResult]:
        """Decided -> out: yield the results of decided frames in order, up to the first frame that is not decided.

        Results that the caller does not take stay, and so do those that an edit may have made outdated.
        """
        while self._rewind is None and self.waiting and next(iter(self.waiting.values())).complete:
            entry = next(iter(self.waiting.values()))
            self.thread = get_ident()
            result = self._state.report(
                entry.frame, entry.time, {i: entry.outcomes[i] for i in entry.objects}, self.plan.sign
            )
            self._sent = entry.frame
            del self.waiting[entry.frame]
            yield result

    def note(self, cuts: tuple[Cut, ...]) -> None:
        """Take notice of an edit: frames that it made outdated are to be visited again.

        Without stored results no frame is visited again, and frames no longer wait for objects whose tree is gone.
        """
        self._plan_next()
        if self._state.store is None:
            self._stop_waiting()
            return
        for cut in cuts:
            if cut.sign == self.plan.sign:
                edge = cut.first if cut.sign > 0 else cut.last
                places = [edge] if self._rewind is None else [edge, self._rewind]
                self._rewind = min(places, key=lambda place: place * self.plan.sign)

    def _plan_next(self) -> None:
        """After an edit, find the next frame again: a prompt may have been added before it. Tell the trees."""
        if self._visited is None:
            return
        old = self._next_after(self._visited)
        self._position = self.plan.after(self._visited, self._state.prompted, self._state.source.frame_count)
        for track in self._state.tracks.values():
            if track.live is not None and (track.live.stride, track.live.next_frame) == (self.plan.stride, old):
                track.live.next_frame = self._next_after(self._visited)

    def _stop_waiting(self) -> None:
        """Waiting -> decided: drop the objects that can no longer be decided from the frames that wait for them."""
        tracks = self._state.tracks
        for entry in self.waiting.values():
            entry.objects = tuple(
                object_id
                for object_id in entry.objects
                if object_id in tracks
                and (object_id in entry.outcomes or self._pending(tracks[object_id], entry.frame) is not None)
            )
            entry.outcomes = {i: outcome for i, outcome in entry.outcomes.items() if i in entry.objects}

    def _go_back(self) -> None:
        """Waiting or decided -> not visited: move the position back after an edit.

        It moves to the earliest frame that the edit made outdated or that is not out yet.
        """
        assert self._rewind is not None
        sign, prompted = self.plan.sign, self._state.prompted
        edited = self.plan.first_from(self._rewind, prompted)
        places = [edited] if self.plan.covers(edited) else []
        places += [*self.waiting, *([] if self._position is None else [self._position])]
        self._rewind = None
        self.waiting.clear()
        self._position = min(places, key=lambda place: place * sign) if places and self._state.tracks else None

    def progress(self) -> Progress:
        """How far the visits have come; may be called from any thread."""
        total, position = self.plan.count(self._state.source.frame_count), self._position
        ahead = self.plan.end if position is None else position - self.plan.stride
        last = self._visited if ahead is None else ahead
        done = 0 if last is None else max(0, (last - self.plan.start) // self.plan.stride + 1)
        return Progress(self._visited, done, total, len(self.waiting), self.cancelled.is_set())

    def has_passed(self, frame: int) -> bool:
        """Whether a frame lies behind the position, in the direction of the visit."""
        return self._position is None or (self._position - frame) * self.plan.sign > 0

    def _needs_image(self, frame: int) -> bool:
        """Whether a frame needs its image: an object on it is neither stored nor pending, or no object is present."""
        if self._state.store is None:
            return True
        present = self._present(frame)
        known = {object_id for object_id, _ in self._stored(frame)}
        known |= {object_id for object_id, track in present if self._pending(track, frame)}
        return not present or len(known) < len(present)

    def _wanted(self, frame: int) -> bool:
        """Whether a decoded frame is visited; it may have been prompted after the stream was asked for it."""
        return self.plan.visits(frame) or frame in self._state.prompted

    def _present(self, frame: int) -> list[tuple[int, Track]]:
        """The objects that have entered by `frame`; all of them if `before_prompts` is set."""
        sign = self.plan.sign
        if self._before_prompts:
            return self._followed()
        return [(object_id, track) for object_id, track in self._followed() if track.has_entered(frame, sign)]

    def _followed(self) -> list[tuple[int, Track]]:
        """The objects that this propagation follows."""
        return [item for item in self._state.tracks.items() if self._objects is None or item[0] in self._objects]

    def _stored(self, frame: int) -> list[tuple[int, StoredResult]]:
        """The stored results, of the plan's stride, of the objects present on a frame."""
        results = ((i, self._state.result(i, frame, self.plan.stride)) for i, _ in self._present(frame))
        return [(object_id, result) for object_id, result in results if result is not None]

    def _pending(self, track: Track, frame: int) -> LiveTree | None:
        """The object's tree if it has visited the frame without deciding it, else None."""
        live = track.live
        return live if live is not None and live.stride == self.plan.stride and frame in live.pending else None

    def _tree_at(self, track: Track, frame: int) -> LiveTree | None:
        """The object's tree if `frame` is the next one that it would visit, else None."""
        live = track.live
        at_hand = live is not None and (live.stride, live.next_frame) == (self.plan.stride, frame)
        return live if at_hand else None

    def _advance(self, live: LiveTree, frame: int) -> None:
        """Set the frame that a tree visits after this one."""
        live.next_frame = self._next_after(frame)

    def _next_after(self, frame: int) -> int:
        """The position; at the end, the frame that would follow."""
        return frame + self.plan.stride if self._position is None else self._position

    def _pack(self) -> None:
        """Compact the outcomes of the one frame that has become older than the `_UNPACKED` newest waiting ones."""
        # Counted from the newest end, so that the work does not grow with the number of waiting frames.
        entries = islice(reversed(self.waiting.values()), _UNPACKED, _UNPACKED + 1)
        decided = [outcome for entry in entries for outcome in entry.outcomes.values()]
        compact([*self._tracker.waiting(_UNPACKED), *decided], self._state.size, self._state.keep_logits)
