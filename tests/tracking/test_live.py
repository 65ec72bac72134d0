"""Tracking takes frames from a live source one by one, so that none grows old between the buffer and the network."""

from __future__ import annotations

from collections.abc import Callable

from sam2long import Session
from sam2long.video.live.live_source import LiveSource
from tests.video.live.streams import Sender, http_server


def test_frames_are_taken_only_when_they_are_visited(small_model):
    def serve(connection: int, send: Callable[[bytes], object]) -> None:
        sender = Sender(send)
        sender.send(range(12))
        sender.finish()

    visits = []
    with http_server(serve) as url, LiveSource(url, drop=False, reconnect=0, buffer=2) as source:
        session = Session(small_model, source, max_delay=2)
        session.add_box(0, 1, (4, 4, 30, 30))

        def visited() -> None:
            visits.append((session.progress.frame, source.next_frame))
            if session.progress.frame == 3:
                session.add_box(source.next_frame, 2, (30, 10, 60, 40))  # "now"
            if session.progress.frame == 6:
                session.remove_object(1)
                session.remove_object(2)
            if session.progress.frame == 8:
                session.add_box(source.next_frame, 7, (30, 10, 60, 40))

        results = list(session.propagate(on_visit=visited))
    assert visits == [(frame, frame + 1) for frame in range(12)]
    assert [result.frame for result in results] == list(range(12))
    objects = [set(result.masks) for result in results]
    assert all(1 in objects[frame] for frame in range(4))
    assert 2 in objects[4]
    assert objects[7:9] == [set(), set()]
    assert objects[9:] == [{7}] * 3
