"""A studio in a process of its own, on a clip whose true masks are known, and a client that speaks its protocol."""

import pytest

from sam2long.synthetic import Scene, SceneConfig
from sam2long.synthetic.export import write_mp4
from tests.studio.served import Served


@pytest.fixture(scope="session")
def scene():
    return Scene(SceneConfig("easy", frames=30, height=120, width=160, objects=2), seed=5)


@pytest.fixture(scope="session")
def clip(scene, tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_mp4(scene, path)
    return path


@pytest.fixture(scope="module")
def studio(clip, tmp_path_factory):
    """One studio for the tests of a module; each begins with no object."""
    with Served(clip, tmp_path_factory.mktemp("studio") / "clip.s2l") as served:
        yield served


@pytest.fixture
def tab(studio):
    with studio.tab() as tab:
        tab.ask("take_over")
        yield tab
        for item in tab.ask_state()["objects"]:
            tab.ask("set_object", object=item["id"], locked=False)
            tab.ask("remove_object", object=item["id"])
