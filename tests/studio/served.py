"""Runs `sam2long studio`, and speaks to it as its page does."""

import http.client
import json
import os
import re
import socket
import struct
import subprocess
import sys

import numpy as np
from websockets.sync.client import connect

HEADER = struct.Struct("<BBHIIIHHI")


class Served:
    """A studio in a process of its own; `program` are Python's words for the command."""

    def __init__(self, video, session, *options, program=("-m", "sam2long")):
        self.video, self.session, self.options, self.program = video, session, options, program
        self.process = None

    def __enter__(self):
        command = [sys.executable, *self.program, "studio", str(self.video), "--session", str(self.session)]
        self.process = subprocess.Popen(
            [*command, "--port", "0", "--no-browser", *self.options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        said = ""
        for line in self.process.stdout:
            said += line
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", line):
                self.port, self.token = int(found[1]), found[2]
                self.host = f"127.0.0.1:{self.port}"
                self.cookie = f"sam2long-{self.port}={self.token}"
                return self
        raise AssertionError(said)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def get(self, path, method="GET", **headers):
        """Status, headers and body of an HTTP request; None takes a header out."""
        sent = {"Host": self.host, "Cookie": self.cookie, **headers}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.putrequest(method, path, skip_host=True)
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body

    def tab(self, **headers):
        return Tab(self, headers)


class Tab:
    """A connection to a studio. `messages` and `masks` have everything that came."""

    def __init__(self, studio, headers=None):
        sent = {"Host": studio.host, "Cookie": studio.cookie, "Origin": f"http://{studio.host}", **(headers or {})}
        host = sent.pop("Host")
        self.socket = connect(
            f"ws://{host}/ws",
            sock=socket.create_connection(("127.0.0.1", studio.port)),
            additional_headers={name: value for name, value in sent.items() if value is not None},
            max_size=None,
            compression=None,
            legacy=True,
        )
        self.messages, self.masks, self.number = [], [], 0
        self.hello = self.until(lambda message: message["type"] == "hello")
        self.until(lambda message: message["type"] == "saved")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, kind, **fields):
        self.socket.send(json.dumps({"type": kind, **fields}))

    def until(self, right, seconds=60):
        """The next message for which `right` holds."""
        while True:
            data = self.socket.recv(seconds)
            if isinstance(data, bytes):
                self.masks.append(Mask(data))
            else:
                message = json.loads(data)
                self.messages.append(message)
                if right(message):
                    return message

    def until_type(self, kind, *states):
        return self.until(lambda message: message["type"] == kind and (not states or message["state"] in states))

    def answer(self, kind, **fields):
        """The answer to a command, `done` or `error`."""
        self.number += 1
        self.send(kind, id=self.number, **fields)
        return self.until(lambda message: message.get("id") == self.number)

    def ask(self, kind, **fields):
        answer = self.answer(kind, **fields)
        assert answer["type"] == "done", answer
        return answer

    def ask_state(self):
        """The newest `state`."""
        self.ask("take_over")
        return next(message for message in reversed(self.messages) if message["type"] == "state")

    def saved(self):
        """Wait until the last edit is in the file."""
        last = [message for message in self.messages if message["type"] == "saved"][-1]
        if last["at"] is None:
            self.until(lambda message: message["type"] == "saved" and message["at"] is not None)

    def lane(self, object_id):
        """The newest lane of an object, with what following has added since."""
        spans = []
        for message in self.messages:
            if message["type"] == "lane" and message["object"] == object_id:
                spans = [tuple(span) for span in message["spans"]]
            elif message["type"] == "following":
                spans += [tuple(part[1:]) for part in message["decided"] if part[0] == object_id]
        return {frame: state for first, last, state in spans for frame in range(first, last + 1)}

    def show(self, frame, width=160):
        """The masks of a frame by object, and its message."""
        self.masks.clear()
        self.send("show", frame=frame, width=width)
        message = self.until(lambda one: one["type"] == "frame" and one["frame"] == frame)
        return {mask.object: mask.pixels for mask in self.masks if mask.frame == frame}, message

    def follow(self, direction="forward", **fields):
        self.ask("follow", direction=direction, **fields)
        return self.until_type("following", "ended", "stopped", "failed")


class Mask:
    """A binary message, taken apart as docs/studio-protocol.md says."""

    def __init__(self, data):
        fields = HEADER.unpack(data[: HEADER.size])
        self.kind, self.flags, zero, self.object, self.frame, self.revision, width, height, self.sequence = fields
        runs = np.frombuffer(data[HEADER.size :], "<u4")
        assert zero == 0 and runs.sum() == width * height
        self.pixels = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)


def runs_of(mask):
    """Run lengths of a mask as a list, written here a second time."""
    runs, value, count = [], False, 0
    for pixel in mask.ravel().tolist():
        if pixel != value:
            runs.append(count)
            value, count = pixel, 0
        count += 1
    return [*runs, count]


def inside(scene, frame, object_id):
    """A pixel well inside an object, as the fields of a click."""
    ys, xs = np.nonzero(scene.render(frame)[1] == object_id)
    nearest = np.argmin((xs - xs.mean()) ** 2 + (ys - ys.mean()) ** 2)
    return {"frame": frame, "x": float(xs[nearest]) + 0.5, "y": float(ys[nearest]) + 0.5, "label": 1}


def iou(first, second):
    return (first & second).sum() / max(1, (first | second).sum())
