"""An object whose pathways never agree: the page sees each frame as it is visited, and an export has all of them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam2long.model.checkpoints.loading import fresh_model, save_model
from tests.networks import MICRO
from tests.parting import PROGRAM
from tests.studio.served import Served, inside

UNDECIDED, NEWEST = 16, 32
LAST = 29


@pytest.fixture(scope="module")
def studio(clip, tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio")
    save_model(fresh_model(MICRO), folder / "micro.safetensors")
    with Served(clip, folder / "clip.s2l", "--model", str(folder / "micro.safetensors"), program=PROGRAM) as served:
        yield served


def test_following_shows_what_is_not_decided_yet(studio, scene):
    with studio.tab() as tab:
        object_id = tab.ask("add_object")["object"]
        tab.ask("click", object=object_id, **inside(scene, 0, 1))
        tab.ask("follow", direction="forward", last=20)
        tab.until(lambda m: m["type"] == "following" and (m["frame"] or 0) >= 12)
        tab.ask("stop")
        tab.until_type("following", "stopped", "ended")
        pushed = [mask for mask in tab.masks if mask.flags & NEWEST]
        assert [mask.frame for mask in pushed] == sorted(mask.frame for mask in pushed)
        waiting = [frame for frame, state in tab.lane(object_id).items() if state == "undecided"]
        assert len(waiting) > 5 and {mask.frame for mask in pushed if mask.flags & UNDECIDED} & set(waiting)

        masks, message = tab.show(waiting[-1])
        assert message["objects"][0]["state"] == "undecided" and object_id in masks
        held = len(tab.lane(object_id))
        tab.ask("export", formats=["png"])
        done = tab.until_type("export", "done", "failed", "cancelled")
        assert done["state"] == "done" and done["done"] == done["total"] == held
        summary = json.loads((Path(done["folder"]) / "summary.json").read_text(encoding="utf-8"))
        assert not summary["complete"] and f"{len(waiting)} frames are not decided yet" in json.dumps(summary)
        written = np.asarray(Image.open(Path(done["folder"]) / "masks" / f"{waiting[-1]:05d}.png"))
        tab.masks.clear()
        tab.show(waiting[-1], width=written.shape[1])
        (shown,) = [mask.pixels for mask in tab.masks if mask.frame == waiting[-1]]
        assert np.array_equal(written > 0, shown)

    # A page that comes later sees the same lanes, and what is decided in the end takes their place.
    with studio.tab() as tab:
        tab.ask("take_over")
        assert [frame for frame, state in tab.lane(object_id).items() if state == "undecided"] == waiting
        tab.follow()
        assert set(tab.lane(object_id)) == set(range(LAST + 1))
        assert "undecided" not in tab.lane(object_id).values()
        assert all(not mask.flags & UNDECIDED for mask in tab.masks if mask.frame == LAST and not mask.flags & NEWEST)
