"""`sam2long eval`: every layout from its folder to its table, result files, interruptions and complaints."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from sam2long.evaluation import predict
from tests.evaluation import layouts
from tests.evaluation.layouts import pixels

from .conftest import Command

Layout = Callable[[Path], Path]
SCORED: list[tuple[str, Layout, list[str]]] = [
    ("davis-2017", layouts.davis_2017, ["bear/00004.png", "cows/00000.png"]),
    ("davis-2016", layouts.davis_2016, ["bear/00004.png"]),
    ("sav-val", layouts.sav_val, ["sav_1/000/00016.png", "sav_1/001/00001.png"]),
    ("lvos-v2", layouts.lvos, ["seenvid1/00000036.png", "R3UJGYwy/00000001.png"]),
    ("lvos-v1", layouts.lvos, ["seenvid1/00000036.png"]),
    ("vost", layouts.vost, ["1_cut_onion/frame00600.png"]),
    ("pumavos", layouts.pumavos, ["vlog/frame_000000.png"]),
    ("davis-folder", layouts.pumavos, ["vlog/frame_000003.png"]),
    ("lasot", layouts.lasot, ["cat-1.txt"]),
    ("got10k-val", layouts.got10k, ["GOT-10k_Val_000001/GOT-10k_Val_000001_001.txt"]),
]


@pytest.fixture
def evaluate(sam2long: Command, tiny_model: Path, tmp_path: Path) -> Command:
    """Runs `sam2long eval` with the tiny network on `tmp_path/data` into `tmp_path/out`."""

    def run(dataset: str, *words: object) -> object:
        fixed = ("--root", tmp_path / "data", "--out", tmp_path / "out", "--model", tiny_model)
        return sam2long("eval", dataset, *fixed, *words)

    return run  # type: ignore[return-value]


@pytest.mark.parametrize(("name", "layout", "files"), SCORED)
def test_every_layout_is_tracked_written_and_scored(
    evaluate: Command, tmp_path: Path, name: str, layout: Layout, files: list[str]
) -> None:
    layout(tmp_path / "data")
    ended = evaluate(name)
    assert ended.status == 0, ended.err
    for file in files:
        assert (tmp_path / "out" / "predictions" / file).is_file()
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    (variant,) = results["variants"]
    assert all(
        0 <= variant["measured"][0]["figures"][key] <= 100 for key in list(variant["measured"][0]["figures"])[:2]
    )
    again = evaluate(name, "--score-only")
    assert again.status == 0
    rescored = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))["variants"][0]["measured"]
    assert rescored == variant["measured"]


def test_true_masks_as_predictions_score_100_everywhere(evaluate: Command, tmp_path: Path) -> None:
    for name, layout, masks in [
        ("davis-2017", layouts.davis_2017, "Annotations/480p"),
        ("sav-val", layouts.sav_val, "Annotations_6fps"),
        ("lvos-v2", layouts.lvos, "Annotations"),
        ("pumavos", layouts.pumavos, "Annotations"),
    ]:
        shutil.rmtree(tmp_path / "data", ignore_errors=True)
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        root = layout(tmp_path / "data")
        shutil.copytree(root / masks, tmp_path / "out")
        assert evaluate(name, "--score-only").status == 0
        for measured in json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))["variants"][0][
            "measured"
        ]:
            assert measured["figures"]["J&F"] == 100


def test_lvos_prints_both_evaluators_and_the_papers_rows(evaluate: Command, tmp_path: Path) -> None:
    layouts.lvos(tmp_path / "data")
    ended = evaluate("lvos-v2")
    assert "LVOS evaluator" in ended.out and "SA-V evaluator" in ended.out
    assert "85.9" in ended.out and "85.3" in ended.out
    assert evaluate("lvos-v2", "--score-only", "--lvos-rule", 2022).status == 0
    assert evaluate("lvos-v2", "--score-only", "--lvos-rule", 2020).status == 2


def test_masks_are_ids_of_the_data_set_without_the_ignored_one(evaluate: Command, tmp_path: Path) -> None:
    layouts.vost(tmp_path / "data")
    evaluate("vost")
    for path in (tmp_path / "out" / "predictions").rglob("*.png"):
        assert set(np.unique(pixels(path))) <= {0, 1}
    shutil.rmtree(tmp_path / "data")
    shutil.rmtree(tmp_path / "out")
    layouts.pumavos(tmp_path / "data")
    evaluate("pumavos")
    found = {path.stem: set(np.unique(pixels(path))) for path in (tmp_path / "out" / "predictions").rglob("*.png")}
    assert found["frame_000000"] == {0} and found["frame_000001"] == {0, 1}
    assert 3 in found["frame_000002"] and found["frame_000002"] <= {0, 1, 3}


def test_servers_get_their_zip_and_no_score(evaluate: Command, tmp_path: Path) -> None:
    layouts.mose(tmp_path / "data")
    ended = evaluate("mose")
    assert ended.status == 0 and "submission.zip" in ended.out
    with zipfile.ZipFile(tmp_path / "out" / "submission.zip") as archive:
        assert archive.namelist() == [f"{video}/{n:05d}.png" for video in ("0a", "0b") for n in range(4)]
    assert evaluate("mose", "--score-only").status == 2


def test_youtube_vos_zips_exactly_the_frames_of_its_meta_file(evaluate: Command, tmp_path: Path) -> None:
    layouts.youtube_vos(tmp_path / "data")
    assert evaluate("youtube-vos-2019").status == 0
    with zipfile.ZipFile(tmp_path / "out" / "submission.zip") as archive:
        frames = [name.rpartition("/")[2] for name in archive.namelist()]
        assert archive.namelist()[0] == "Annotations/003234408d/00005.png"
    assert frames == ["00005.png", "00010.png", "00015.png"]
    assert len(list((tmp_path / "out/predictions/003234408d").iterdir())) == 5


def test_got10k_test_is_zipped_for_its_server(evaluate: Command, tmp_path: Path) -> None:
    layouts.got10k(tmp_path / "data", first_only=True)
    assert evaluate("got10k-test").status == 0
    with zipfile.ZipFile(tmp_path / "out" / "submission.zip") as archive:
        names = archive.namelist()
        first = archive.read(names[0]).decode().splitlines()
    assert [name.rpartition("_")[2] for name in names] == ["001.txt", "time.txt"]
    assert (len(first), first[0]) == (6, "5.000,8.000,12.000,12.000")


def test_an_interrupted_run_goes_on_with_the_videos_that_are_not_finished(
    evaluate: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layouts.davis_2017(tmp_path / "data")
    real, tracked = predict.predict_video, []

    def broken_on_second(model: object, job: predict.VideoJob, tree: object, folder: Path) -> None:
        if tracked:
            (folder / "00000.png").write_bytes(b"half")
            raise KeyboardInterrupt
        tracked.append(job.source.name)
        real(model, job, tree, folder)  # type: ignore[arg-type]

    monkeypatch.setattr(predict, "predict_video", broken_on_second)
    assert evaluate("davis-2017").status == 130
    assert [path.name for path in (tmp_path / "out" / "predictions").iterdir()] == ["bear"]
    monkeypatch.setattr(predict, "predict_video", lambda *words: tracked.append(words[1].source.name) or real(*words))
    assert evaluate("davis-2017").status == 0
    assert tracked == ["bear", "cows"]
    assert evaluate("davis-2017").status == 0
    assert tracked == ["bear", "cows"]


def test_results_of_other_settings_are_not_mixed_in(evaluate: Command, tmp_path: Path) -> None:
    layouts.davis_2017(tmp_path / "data")
    assert evaluate("davis-2017", "--limit", 1).status == 0
    ended = evaluate("davis-2017", "--greedy")
    assert ended.status == 2 and "another run (tree" in ended.err


def test_two_runs_do_not_write_to_one_folder(evaluate: Command, tmp_path: Path) -> None:
    layouts.davis_2017(tmp_path / "data")
    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / ".lock"):
        ended = evaluate("davis-2017")
    assert ended.status == 2 and "another sam2long eval is writing" in ended.err
    assert not list((tmp_path / "out" / "predictions").iterdir())
    assert evaluate("davis-2017").status == 0


def test_a_network_that_cannot_be_loaded_leaves_nothing_behind(evaluate: Command, tmp_path: Path) -> None:
    layouts.davis_2017(tmp_path / "data")
    assert evaluate("davis-2017", "--checkpoint", "no-such-file.pt").status == 2
    assert not (tmp_path / "out").exists()


def test_parts_of_a_data_set_are_called_parts(evaluate: Command, tmp_path: Path) -> None:
    layouts.davis_2017(tmp_path / "data")
    assert "1 video of 30: NOT the whole" in evaluate("davis-2017", "--videos", "cows").out
    assert not (tmp_path / "out/predictions/bear").exists()
    ended = evaluate("davis-2017", "--videos", "dogs")
    assert ended.status == 2 and "dogs" in ended.err


def test_missing_predictions_are_an_error_unless_allowed(evaluate: Command, tmp_path: Path) -> None:
    layouts.davis_2017(tmp_path / "data")
    evaluate("davis-2017")
    (tmp_path / "out/predictions/cows/00002.png").unlink()
    ended = evaluate("davis-2017", "--score-only")
    assert ended.status == 2 and "cows/00002.png" in ended.err
    ended = evaluate("davis-2017", "--score-only", "--allow-missing")
    assert ended.status == 0 and "1 missing prediction counted" in ended.err


def test_greedy_and_tree_side_by_side_give_what_each_gives_alone(evaluate: Command, tmp_path: Path) -> None:
    layouts.lvos(tmp_path / "data")
    ended = evaluate("lvos-v2", "--baseline")
    assert ended.status == 0 and "gain" in ended.out and "1.00x" not in ended.out
    for folder, words in (("greedy", ["--greedy"]), ("tree", [])):
        assert evaluate("lvos-v2", *words, "--out", tmp_path / f"alone-{folder}").status == 0
        alone = sorted((tmp_path / f"alone-{folder}" / "predictions").rglob("*.png"))
        for path in alone:
            beside = tmp_path / "out" / folder / path.relative_to(tmp_path / f"alone-{folder}")
            np.testing.assert_array_equal(pixels(path), pixels(beside))


def test_the_report_holds_tables_plots_strips_and_settings_in_one_file(evaluate: Command, tmp_path: Path) -> None:
    for name, layout in (("lvos-v2", layouts.lvos), ("sav-val", layouts.sav_val)):
        shutil.rmtree(tmp_path / "data", ignore_errors=True)
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        layout(tmp_path / "data")
        ended = evaluate(name, "--baseline", "--report")
        assert ended.status == 0, ended.err
        page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
        assert page.count("<svg") == 2 and page.count("data:image/jpeg") == len(
            list((tmp_path / "out/tree/predictions").iterdir())
        )
        assert "published: SAM2.1Long-L" in page and "SHA-256" in page and "--baseline" in page
        assert "<link" not in page and 'src="http' not in page
    layouts.got10k(tmp_path / "boxes")
    assert evaluate("got10k-val", "--report", "--root", tmp_path / "boxes", "--out", tmp_path / "b").status == 0
    assert "AO" in (tmp_path / "b" / "report.html").read_text(encoding="utf-8")


def test_a_sweep_has_a_row_for_each_value_and_relative_speed(evaluate: Command, tmp_path: Path) -> None:
    layouts.davis_2017(tmp_path / "data")
    ended = evaluate("davis-2017", "--limit", 1, "--sweep", "modulation=none,0.9:1.1")
    assert ended.status == 0
    assert "modulation none" in ended.out and "modulation 0.9:1.1" in ended.out and "1.00x" in ended.out
    for wrong in ("speed=1", "pathways", "pathways=many", "pathways=0"):
        assert evaluate("davis-2017", "--sweep", wrong).status == 2


def test_the_synthetic_suites_are_data_sets_too(
    evaluate: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sam2long.synthetic import suites
    from sam2long.synthetic.scene import SceneConfig

    short = suites.SuiteVideo("easy-00", SceneConfig("easy", 5, height=48, width=48), 7)
    monkeypatch.setitem(suites.SUITES, "easy", suites.Suite("easy", "v1", (short,)))
    ended = evaluate("synthetic-easy", "--limit", 1)
    assert ended.status == 0, ended.err
    assert "rendering easy-00" in ended.out and "rendering" not in evaluate("synthetic-easy", "--limit", 1).out
    assert len(list((tmp_path / "out/predictions/easy-00").iterdir())) == 5


def _no_masks(root: Path) -> None:
    shutil.rmtree(root / "Annotations")


def _no_list(root: Path) -> None:
    (root / "ImageSets/2017/val.txt").unlink()


def _no_pictures(root: Path) -> None:
    shutil.rmtree(root / "JPEGImages/480p/cows")


def _objects_apart(root: Path) -> None:
    video = root / "Annotations/480p/cows"
    (video / "000").mkdir()
    for path in video.glob("*.png"):
        path.rename(video / "000" / path.name)


def _mask_without_picture(root: Path) -> None:
    (root / "JPEGImages/480p/bear/00000.jpg").unlink()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_no_masks, "expected the folders JPEGImages/480p and Annotations/480p, found ImageSets, JPEGImages"),
        (_no_list, "ImageSets/2017/val.txt"),
        (_no_pictures, "expected the pictures of cows"),
        (_objects_apart, "expected PNGs with object ids as values"),
        (_mask_without_picture, "frame 00000 has no picture"),
        (shutil.rmtree, "there is no folder"),
    ],
)
def test_wrong_layouts_say_what_was_expected_before_any_network_is_loaded(
    evaluate: Command, tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(layouts.davis_2017(tmp_path / "data"))
    ended = evaluate("davis-2017", "--checkpoint", "no-such-file.pt")
    assert ended.status == 2 and ended.err.count("\n") == 1
    assert words in ended.err


def test_an_unknown_data_set_lists_the_known_ones(evaluate: Command) -> None:
    ended = evaluate("davis")
    assert ended.status == 2 and "davis-2017" in ended.err and "lasot" in ended.err
