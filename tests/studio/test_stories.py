"""Whole stories through the protocol, compared with the session's own results and with the truth."""

import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from sam2long import Session, load_model, open_video
from tests.studio.served import Served, inside, iou

LAST = 29


@pytest.fixture(scope="module")
def nano():
    return load_model("nano", device="cpu")


def marked(tab, scene, number, frame=0):
    """Add an object, and click on the one of the scene that has this number."""
    object_id = tab.ask("add_object")["object"]
    tab.ask("click", object=object_id, **inside(scene, frame, number))
    return object_id


def test_a_click_gives_the_sessions_mask(tab, scene, clip, nano):
    tab.show(0)
    tab.masks.clear()
    object_id = marked(tab, scene, 1)
    place = inside(scene, 0, 1)
    with Session(nano, clip) as session:
        session.add_points(0, 1, [(place["x"], place["y"])])
        assert np.array_equal(tab.masks[-1].pixels, session.preview(0, 1).mask)
    assert tab.masks[-1].object == object_id and tab.masks[-1].flags == 6
    small, _ = tab.show(0, width=80)
    assert small[object_id].shape == (60, 80)


def test_following_is_what_the_session_does(tab, scene, clip, nano):
    first, second = marked(tab, scene, 1), marked(tab, scene, 2, frame=5)
    assert tab.follow()["state"] == "ended"
    with Session(nano, clip) as session:
        for object_id, frame, number in ((1, 0, 1), (2, 5, 2)):
            place = inside(scene, frame, number)
            session.add_points(frame, object_id, [(place["x"], place["y"])])
        expected = {result.frame: result for result in session.propagate()}
    assert set(tab.lane(first)) == set(range(30)) and set(tab.lane(second)) == set(range(5, 30))
    for frame in (0, 4, 5, 17, LAST):
        shown, message = tab.show(frame)
        assert message["time"] == pytest.approx(expected[frame].time)
        assert shown.keys() == expected[frame].masks.keys()
        assert all(np.array_equal(shown[i], expected[frame].masks[i]) for i in shown)
    assert tab.follow("backward")["state"] == "ended"
    assert set(tab.lane(second)) == set(range(30))
    assert tab.follow("both")["message"] == "everything is up to date"


def test_a_correction_reruns_only_its_span(tab, scene):
    object_id = marked(tab, scene, 1)
    tab.follow()
    tab.ask("click", object=object_id, **inside(scene, 20, 1))
    tab.ask("click", object=object_id, **inside(scene, 10, 1))
    lane = tab.lane(object_id)
    assert [frame for frame in lane if lane[frame] == "outdated"] == list(range(10, 30))
    known = len(tab.messages)
    tab.follow(last=19)
    decided = [part for one in tab.messages[known:] if one["type"] == "following" for part in one["decided"]]
    visited = {frame for _, first, last, _ in decided for frame in range(first, last + 1)}
    assert visited == set(range(10, 20))


def test_undo_and_redo(tab, scene):
    object_id = marked(tab, scene, 1)
    tab.follow()
    before, _ = tab.show(15)
    tab.ask("box", object=object_id, frame=15, box=[0, 0, 30, 30])
    tab.follow()
    after, _ = tab.show(15)
    assert not np.array_equal(before[object_id], after[object_id])
    for _ in range(2):
        assert tab.ask("undo") == {"type": "done", "id": tab.number, "object": object_id, "frame": 15}
        assert np.array_equal(tab.show(15)[0][object_id], before[object_id])
        tab.ask("redo")
        assert np.array_equal(tab.show(15)[0][object_id], after[object_id])
    assert "outdated" not in tab.lane(object_id).values()


def test_points_move_and_go(tab, scene):
    object_id = marked(tab, scene, 1)
    tab.ask("click", object=object_id, frame=0, x=3, y=3, label=0)
    tab.ask("move_point", object=object_id, frame=0, index=1, x=5, y=6)
    points = tab.ask_state()["objects"][0]["prompts"][0]["points"]
    assert points[1] == {"x": 5.0, "y": 6.0, "label": 0}
    tab.ask("remove_point", object=object_id, frame=0, index=0)
    tab.ask("remove_point", object=object_id, frame=0, index=0)
    assert tab.ask_state()["objects"][0]["prompts"] == []
    tab.ask("undo")
    assert len(tab.ask_state()["objects"][0]["prompts"][0]["points"]) == 1


def test_the_brush_adds_and_erases(tab, scene):
    object_id = tab.ask("add_object")["object"]
    upper = [0, 160 * 60, 160 * 60]
    tab.ask("brush", object=object_id, frame=3, width=160, height=120, add=upper)
    tab.ask("brush", object=object_id, frame=3, width=160, height=120, erase=[0, 80] + [80, 80] * 119 + [80])
    shown, _ = tab.show(3)
    expected = np.zeros((120, 160), bool)
    expected[:60, 80:] = True
    assert iou(shown[object_id], expected) > 0.9


def test_an_edit_while_following_takes_effect_at_once(tab, scene):
    object_id = marked(tab, scene, 1)
    tab.ask("follow", direction="forward")
    tab.until(lambda m: m["type"] == "following" and (m["frame"] or 0) >= 3)
    other = marked(tab, scene, 2, frame=1)
    tab.until_type("following", "ended")
    assert set(tab.lane(object_id)) == set(range(30)) and set(tab.lane(other)) == set(range(1, 30))
    assert not {"outdated"} & {*tab.lane(object_id).values(), *tab.lane(other).values()}


def test_stop_keeps_everything(tab, scene):
    object_id = marked(tab, scene, 1)
    tab.ask("follow", direction="forward")
    tab.until(lambda m: m["type"] == "following" and m["done"] >= 3)
    tab.ask("stop")
    stopped = tab.until_type("following", "stopped", "ended")
    kept = set(tab.lane(object_id))
    assert stopped["state"] == "stopped" and kept and kept < set(range(30))
    tab.follow()
    assert set(tab.lane(object_id)) == set(range(30))


def test_another_tab_sees_the_same(studio, tab, scene):
    object_id = marked(tab, scene, 1)
    tab.follow()
    with studio.tab() as other:
        assert other.ask_state()["objects"] == tab.ask_state()["objects"]
        assert other.lane(object_id) == tab.lane(object_id)
        assert np.array_equal(other.show(9)[0][object_id], tab.show(9)[0][object_id])


def test_exports_are_tracks_files(studio, tab, scene, tmp_path):
    marked(tab, scene, 1)
    marked(tab, scene, 2, frame=4)
    assert tab.answer("export", formats=["png"])["message"] == "there is nothing to export yet; follow an object first"
    tab.follow()
    tab.ask("export", formats=["png", "png-per-object", "coco", "npz", "overlay"])
    done = tab.until_type("export", "done", "failed", "cancelled")
    assert done["state"] == "done" and done["done"] == done["total"] == 30
    tab.saved()
    words = done["command"].split()
    words[words.index("--out") + 1] = str(tmp_path / "track")
    subprocess.run([sys.executable, "-m", "sam2long", *words[1:]], check=True, capture_output=True, timeout=120)
    ours, theirs = (
        {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
        for folder in (studio.session.with_name("clip-masks") / "001", tmp_path / "track")
    )
    assert ours.keys() == theirs.keys() and len(ours) > 60
    assert [str(name) for name in ours if ours[name] != theirs[name]] == []


def test_a_dry_export_writes_nothing(studio, tab, scene):
    marked(tab, scene, 1)
    assert tab.answer("export", formats=["png"], dry=True)["message"].startswith("there is nothing to export yet")
    tab.follow(last=3)
    before = sorted(studio.session.parent.rglob("*.png"))
    told = len(tab.messages)
    dry = tab.ask("export", formats=["png", "coco"], dry=True)["command"]
    assert dry.startswith("sam2long track ") and "--save png,coco" in dry
    assert "export" not in [message["type"] for message in tab.messages[told:]]
    assert sorted(studio.session.parent.rglob("*.png")) == before
    tab.ask("export", formats=["png", "coco"])
    assert tab.until_type("export", "done", "failed")["command"] == dry


def test_a_new_object_is_previewed_before_it_exists(tab, scene):
    tab.show(0)
    tab.masks.clear()
    place = inside(scene, 0, 1)
    tab.send("preview", seq=7, object=None, **place)
    tab.ask_state()
    preview = tab.masks[-1]
    assert (preview.kind, preview.object, preview.sequence) == (2, 2**32 - 1, 7)
    assert tab.ask_state()["objects"] == []
    marked(tab, scene, 1)
    assert np.array_equal(tab.show(0)[0][1], preview.pixels)


def test_a_new_object_begins_unvisited(tab, scene):
    object_id = marked(tab, scene, 1)
    tab.follow()
    tab.ask("remove_object", object=object_id)
    assert marked(tab, scene, 1, frame=20) == object_id
    newest = [m for m in tab.messages if m["type"] == "lane" and m["object"] == object_id][-1]
    assert newest["spans"] == []
    assert tab.show(25)[0] == {}


def test_an_export_is_cancelled(studio, tab, scene):
    marked(tab, scene, 1)
    tab.follow()
    tab.send("export", formats=["overlay"])
    tab.send("cancel_export")
    ending = tab.until_type("export", "done", "cancelled")
    if ending["state"] == "cancelled":
        assert not list(studio.session.parent.glob(f"clip-masks/{ending['folder'][-3:]}/*"))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_nothing_is_lost(clip, scene, tmp_path, how):
    with Served(clip, tmp_path / "a.s2l") as served, served.tab() as tab:
        object_id = marked(tab, scene, 1)
        tab.follow(last=12)
        before, _ = tab.show(9)
        tab.ask("set_object", object=object_id, name="left", colour="#123456")
        tab.ask("click", object=object_id, **inside(scene, 20, 1))
        state = tab.ask_state()
        tab.saved()
        tab.ask("follow", direction="forward")
        tab.until(lambda m: m["type"] == "following" and m["done"] >= 2)
        served.process.send_signal(how)
        served.process.wait(20)
    with Served(clip, tmp_path / "a.s2l") as served, served.tab() as tab:
        assert tab.ask_state()["objects"] == state["objects"]
        assert set(range(13)) <= set(tab.lane(object_id))
        assert np.array_equal(tab.show(9)[0][object_id], before[object_id])
        assert tab.follow()["state"] == "ended"
        assert set(tab.lane(object_id)) == set(range(30))


def test_nothing_that_was_called_saved_is_lost(clip, scene, tmp_path):
    with Served(clip, tmp_path / "a.s2l") as served, served.tab() as tab:
        object_id = marked(tab, scene, 1)
        tab.saved()
        told = len(tab.messages)
        tab.ask("follow", direction="forward")
        tab.until(lambda m: m["type"] == "following" and m["done"] >= 4)
        # The first news of saving is that there is something to save.
        assert next(m["at"] for m in tab.messages[told:] if m["type"] == "saved") is None
        tab.until(lambda m: m["type"] == "saved" and m["at"] is not None and len(tab.lane(object_id)) >= 4)
        called_saved = set(tab.lane(object_id))
        pushed = {mask.frame: mask.pixels for mask in tab.masks if mask.frame in called_saved}
        served.process.kill()
    with Served(clip, tmp_path / "a.s2l") as served, served.tab() as tab:
        assert called_saved <= set(tab.lane(object_id))
        assert all(np.array_equal(tab.show(frame)[0][object_id], pushed[frame]) for frame in pushed)


def test_stopped_means_saved(clip, scene, tmp_path):
    with Served(clip, tmp_path / "a.s2l") as served, served.tab() as tab:
        object_id = marked(tab, scene, 1)
        tab.ask("follow", direction="forward")
        tab.until(lambda m: m["type"] == "following" and m["done"] >= 3)
        tab.send("stop")
        tab.until_type("following", "stopped")
        kept = set(tab.lane(object_id))
        served.process.kill()
    with Served(clip, tmp_path / "a.s2l") as served, served.tab() as tab:
        assert kept and set(tab.lane(object_id)) == kept


def test_frames_are_ours_in_any_order(studio, tab, clip):
    key = tab.hello["video"]["key"]
    order = [17, 16, 15, 3, 29, 0, 1, 2, 28, 14, 17]
    with open_video(clip) as source:
        for frame in order:
            status, headers, body = studio.get(f"/frames/{frame}?width=160&v={key}")
            assert status == 200 and "immutable" in headers["cache-control"]
            assert float(headers["x-time"]) == pytest.approx(source.frame(frame).time, abs=1e-5)
            path = studio.session.with_name("frame.jpg")
            path.write_bytes(body)
            with Image.open(path) as image:
                shown = np.asarray(image.convert("RGB")).astype(int)
            assert np.abs(shown - source.frame(frame).image).mean() < 8
    assert studio.get(f"/thumbnails/4?v={key}")[0] == 200
