"""What a hostile page, program or network may try; each attempt is refused, and the studio goes on."""

import json
import os
import re
import subprocess
import sys

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.studio.served import Served, Tab, inside, runs_of

COOKIES = [None, "", "sam2long-1=x", "{name}=", "{name}=wrong", "{name}=é", "{name}", ";;;=\x7f"]
HOSTS = ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:{port}", "", None]
PLACES = ["frames/-1", "frames/30", "frames/99999999999999999999", "frames/1.5", "frames/../0"]
PATHS = ("/", "/static/index.html", "/frames/0?width=100&v=x", "/thumbnails/0", "/ws", "/nothing")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("cookie", COOKIES)
def test_without_the_token_nothing_answers(studio, path, cookie):
    name = studio.cookie.split("=")[0]
    sent = None if cookie is None else cookie.format(name=name).encode()
    assert studio.get(path, Cookie=sent)[0] == 403


def test_the_token_becomes_a_cookie(studio):
    status, headers, _ = studio.get(f"/?token={studio.token}", Cookie=None)
    assert (status, headers["location"]) == (303, "/")
    cookie = headers["set-cookie"].lower()
    assert studio.cookie.lower() in cookie and "httponly" in cookie and "samesite=strict" in cookie
    assert studio.get("/?token=" + "x" * 43, Cookie=None)[0] == 403
    assert studio.get(f"/static/index.html?token={studio.token}", Cookie=None)[0] == 403
    status, headers, body = studio.get("/")
    assert status == 200 and b"<html" in body and studio.token.encode() not in body
    assert "default-src 'self'" in headers["content-security-policy"] and headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("host", HOSTS)
def test_a_wrong_host(studio, host):
    named = None if host is None else host.format(port=studio.port)
    assert studio.get("/", Host=named)[0] in (400, 421)
    assert studio.get(f"/?token={studio.token}", Host=named)[0] in (400, 421)


@pytest.mark.parametrize("host", ["localhost:{port}", "LOCALHOST:{port}", "127.0.0.1:{port}", "[::1]:{port}"])
def test_names_that_are_ours(studio, host):
    assert studio.get("/", Host=host.format(port=studio.port))[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None, "http://127.0.0.1:1", "https://127.0.0.1", ""])
def test_a_foreign_origin(studio, origin):
    with pytest.raises(InvalidStatus) as refused:
        studio.tab(Origin=origin)
    assert refused.value.response.status_code == 403
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert studio.get("/", method, Origin=origin)[0] == 403


def test_the_websocket_needs_cookie_and_host(studio):
    for headers in ({"Cookie": None}, {"Cookie": studio.cookie + "x"}, {"Host": f"evil.example:{studio.port}"}):
        with pytest.raises(InvalidStatus):
            Tab(studio, headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_nothing_is_written_over_http(studio, method):
    assert studio.get("/", method, Origin=f"http://{studio.host}")[0] == 405


@pytest.mark.parametrize(
    "name",
    [
        "../worker.py",
        "..%2fworker.py",
        "%2e%2e/worker.py",
        "%2e%2e%2f%2e%2e%2f%2e%2e%2fetc/passwd",
        "js/../../worker.py",
        "..\\worker.py",
        "/etc/passwd",
        "//etc/passwd",
        "....//worker.py",
        "js",
        "",
        "js/main.js%00.py",
        "vendor/README.md",
        "%c0%ae%c0%ae/worker.py",
    ],
)
def test_no_address_names_a_file_outside(studio, name):
    status, _, body = studio.get(f"/static/{name}")
    assert status in (400, 404) and b"import" not in body and b"root:" not in body


@pytest.mark.parametrize("place", PLACES)
def test_frames_that_are_none(studio, tab, place):
    key = tab.hello["video"]["key"]
    assert studio.get(f"/{place}?width=100&v={key}")[0] == 404
    assert studio.get("/frames/0?width=100&v=wrong")[0] == 404
    for width in ("0", "15", "5000", "-100", "1e3", "٣٣٣", "x", ""):
        quoted = "".join(f"%{byte:02x}" for byte in width.encode())
        assert studio.get(f"/frames/0?width={quoted}&v={key}")[0] == 400


BAD = [
    "",
    "{",
    "[]",
    "null",
    '"click"',
    "NaN",
    '{"type": 1}',
    '{"type": null}',
    "{}",
    "[" * 100_000,
    '{"type": "open"}',
    '{"type": "close"}',
    '{"type": "__init__"}',
    '{"type": "click"}',
    '{"type": "click", "object": 1, "frame": NaN}',
    '{"type": "click", "object": 1, "frame": 1' + "0" * 5000 + "}",
    '{"type": "show", "frame": -1, "width": 100}',
    '{"type": "show", "frame": 30, "width": 100}',
    '{"type": "show", "frame": true, "width": 100}',
    '{"type": "show", "frame": 0, "width": 1e9}',
    '{"type": "masks", "first": 0, "last": 99}',
    '{"type": "follow", "direction": "sideways"}',
    '{"type": "export", "formats": ["../../etc"]}',
    '{"type": "export", "formats": "png"}',
    '{"type": "export", "formats": [["png"]]}',
    '{"type": "set_object", "object": 99, "name": "x"}',
    '{"type": "remove_object", "object": []}',
    '{"type": "undo", "id": 1e999}',
]


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_malformed_messages(tab, text):
    tab.socket.send(text)
    message = tab.until_type("error")["message"]
    assert message and "\n" not in message and "went wrong" not in message
    assert tab.ask_state()["objects"] == []


ODD_FIELDS = [
    ("click", {"x": 1e308, "y": 5, "label": 1}),
    ("click", {"x": -1, "y": 5, "label": 1}),
    ("click", {"x": 5, "y": 5, "label": 2}),
    ("click", {"x": "5", "y": 5, "label": 1}),
    ("box", {"box": [0, 0, 0, 0]}),
    ("box", {"box": [1, 2, 3]}),
    ("mask", {"width": 160, "height": 120, "runs": [5]}),
    ("mask", {"width": 160, "height": 120, "runs": [160 * 120]}),
    ("mask", {"width": 160, "height": 120, "runs": [-1, 160 * 120 + 1]}),
    ("mask", {"width": 16384, "height": 16384, "runs": [0, 16384 * 16384]}),
    ("mask", {"width": 0, "height": 0, "runs": []}),
    ("brush", {"width": 160, "height": 120}),
    ("move_point", {"index": 0, "x": 1, "y": 1}),
    ("remove_point", {"index": 10**30}),
    ("remove_prompt", {}),
    ("preview", {"seq": -1, "x": 1, "y": 1, "label": 1}),
]


@pytest.mark.parametrize(("kind", "fields"), ODD_FIELDS, ids=range(len(ODD_FIELDS)))
def test_fields_that_make_no_sense(tab, kind, fields):
    object_id = tab.ask("add_object")["object"]
    answer = tab.answer(kind, frame=3, object=object_id, **fields)
    assert answer["type"] == "error" and "went wrong" not in answer["message"]
    assert tab.ask_state()["objects"][0]["prompts"] == []


@pytest.mark.parametrize("fields", [{"name": ""}, {"name": "x" * 201}, {"colour": "red"}, {"hidden": 1}, {"name": 5}])
def test_looks_that_make_no_sense(tab, fields):
    assert tab.answer("add_object", **fields)["type"] == "error"
    assert tab.ask_state()["objects"] == []


def test_names_are_only_text(tab):
    name = "<img src=x onerror=alert(1)>"
    object_id = tab.ask("add_object", name=name)["object"]
    assert tab.ask_state()["objects"] == [
        {"id": object_id, "name": name, "colour": tab.ask_state()["objects"][0]["colour"]}
        | {"hidden": False, "locked": False, "prompts": []}
    ]


def test_a_message_that_is_too_long(studio, tab):
    with studio.tab() as other:
        with pytest.raises(ConnectionClosed) as closed:
            other.socket.send(json.dumps({"type": "click", "padding": "x" * 5 * 2**20}))
            other.until_type("never")
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
    tab.ask("take_over")


def test_binary_messages_close_the_connection(studio, tab):
    with studio.tab() as other:
        other.socket.send(b"\x00" * 10)
        with pytest.raises(ConnectionClosed):
            other.until_type("never")
    tab.ask("take_over")


def test_a_flood_of_previews(tab, scene):
    """The latest wins, and what waits stays short: the answer to the last one comes after only a few others."""
    place = inside(scene, 0, 1)
    object_id = tab.ask("add_object")["object"]
    tab.show(0)
    tab.until_type("encoding", "ready")
    tab.masks.clear()
    for number in range(1, 1001):
        tab.send("preview", seq=number, object=object_id, **place)
    tab.ask("take_over")
    previews = [mask.sequence for mask in tab.masks if mask.kind == 2]
    assert previews == sorted(previews) and previews[-1] == 1000
    assert len(previews) < 500


def test_a_flood_of_commands_is_refused_not_queued(tab):
    """More commands than the queue holds: each is answered, by an edit or by a refusal."""
    for number in range(1000, 3000):
        tab.send("undo", id=number)
    left = set(range(1000, 3000))
    while left:
        left.discard(tab.until(lambda message: message["type"] in ("done", "error"))["id"])
    tab.ask("take_over")


def test_two_writers(studio, tab, scene):
    object_id = tab.ask("add_object")["object"]
    with studio.tab() as other:
        assert not other.hello["writer"]
        before = tab.ask_state()
        for kind in ("click", "undo", "redo", "follow", "export", "remove_object", "stop", "preview", "cancel_export"):
            answer = other.answer(kind, object=object_id, direction="forward", **inside(scene, 0, 1))
            assert answer["type"] == "error" and "another tab is editing" in answer["message"]
        assert tab.ask_state() == before
        other.ask("take_over")
        assert tab.until_type("writer")["writer"] is False
        assert tab.answer("undo")["type"] == "error"
        other.ask("click", object=object_id, **inside(scene, 0, 1))
        seen = tab.until(lambda message: message["type"] == "state" and bool(message["objects"][0]["prompts"]))
        assert seen["objects"] == other.ask_state()["objects"]
    assert tab.until_type("writer")["writer"] is True


def test_a_second_server_is_kept_away(studio):
    command = [sys.executable, "-m", "sam2long", "studio", str(studio.video), "--session", str(studio.session)]
    done = subprocess.run([*command, "--no-browser", "--port", "0"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and done.stdout == ""
    assert re.fullmatch(r"error: another studio is working on .*\n", done.stderr)


def test_other_machines_only_when_asked(clip, tmp_path):
    command = [sys.executable, "-m", "sam2long", "studio", str(clip), "--session", str(tmp_path / "a.s2l")]
    done = subprocess.run(
        [*command, "--no-browser", "--host", "0.0.0.0"], capture_output=True, text=True, timeout=120, env=os.environ
    )
    assert done.returncode == 2 and "--allow-remote" in done.stderr and not (tmp_path / "a.s2l").exists()


def test_a_locked_object(tab, scene):
    object_id = tab.ask("add_object", name="sky")["object"]
    tab.ask("click", object=object_id, **inside(scene, 0, 1))
    tab.ask("set_object", object=object_id, locked=True)
    answer = tab.answer("click", object=object_id, **inside(scene, 1, 1))
    assert answer["message"] == "sky is locked; unlock it first"


def test_runs_are_read_as_they_are_written(tab, scene):
    truth = scene.render(4)[1] == 1
    object_id = tab.ask("add_object")["object"]
    tab.ask("mask", object=object_id, frame=4, width=160, height=120, runs=runs_of(truth))
    shown, _ = tab.show(4)
    # The network holds masks at a quarter of its input's size.
    assert (shown[object_id] & truth).sum() / (shown[object_id] | truth).sum() > 0.8


def test_the_studio_is_still_whole(studio, tab):
    """After everything above, the same process answers, and has written no traceback."""
    assert isinstance(studio, Served) and studio.process.poll() is None
    os.set_blocking(studio.process.stdout.fileno(), False)
    assert "Traceback" not in (studio.process.stdout.read() or "")
