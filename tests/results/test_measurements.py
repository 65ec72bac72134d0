"""Tables and outlines for science, read back by other code: a CSV reader, an XML parser, shapely."""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ElementTree
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sam2long.errors import ConfigError, OutputError
from sam2long.results.scale import Scale
from sam2long.results.writers.annotation.regions import regions
from sam2long.video import open_video
from tests.results.delivered import COUNT, NAMES, deliver, masks, pictures
from tests.results.shapes import HEIGHT, WIDTH, filled

BACKWARDS = range(COUNT - 1, -1, -1)
MEASURES = ("left", "top", "right", "bottom", "centroid_x", "centroid_y", "area")


@pytest.fixture
def source():
    return open_video(pictures(), fps=10)


def table(folder):
    with (folder / "measurements.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def measured(mask):
    """In pixels, by plain sums."""
    y, x = np.nonzero(mask)
    return [x.min(), y.min(), x.max() + 1, y.max() + 1, x.mean() + 0.5, y.mean() + 0.5, len(x)]


@pytest.mark.parametrize("frames", [range(COUNT), BACKWARDS])
def test_table(tmp_path, source, frames):
    rows = table(deliver(tmp_path / "out", source, ["csv"], frames, names=NAMES))
    expected = [(frame, i) for frame in range(COUNT) for i in masks(frame)]
    assert [(int(row["frame"]), int(row["object"])) for row in rows] == expected
    names = ["frame", "time_s", "object", "name", *(f"{name}_px" for name in MEASURES[:-1]), "area_px2"]
    assert list(rows[0]) == names
    for row in rows:
        frame, object_id = int(row["frame"]), int(row["object"])
        assert float(row["time_s"]) == pytest.approx(frame / 10)
        assert row["name"] == NAMES.get(object_id, "")
        mask, cells = masks(frame)[object_id], list(row.values())[4:]
        if mask.any():
            np.testing.assert_allclose([float(cell) for cell in cells], measured(mask), rtol=1e-6)
        else:
            assert cells == [""] * 6 + ["0"]


@pytest.mark.parametrize(("aspect", "width"), [(Fraction(1), 0.325), (Fraction(4, 3), 0.325 * 4 / 3)])
def test_table_with_a_scale(tmp_path, source, aspect, width):
    source.pixel_aspect = aspect
    rows = table(deliver(tmp_path / "out", source, ["csv"], scale=Scale.parse("0.325um")))
    assert list(rows[0])[11:] == [*(f"{name}_um" for name in MEASURES[:-1]), "area_um2"]
    size = np.array([width, 0.325, width, 0.325, width, 0.325, width * 0.325])
    for row in rows:
        mask, cells = masks(int(row["frame"]))[int(row["object"])], list(row.values())[11:]
        if mask.any():
            np.testing.assert_allclose([float(cell) for cell in cells], measured(mask) * size, rtol=1e-6)
        else:
            assert cells == [""] * 6 + ["0"]


def test_scales():
    for text in ("0.325um", "0.325 \N{MICRO SIGN}m", "0.325\N{GREEK SMALL LETTER MU}m", "3.25e-1um"):
        assert Scale.parse(text) == Scale(0.325, "um")
    assert Scale.parse("2km") == Scale(2.0, "km")
    for text in ("", "um", "0.325", "1.2.3um", "-1um", "0.3um/px"):
        with pytest.raises(ConfigError, match=r"^--scale .*: expected the size of a pixel and its unit"):
            Scale.parse(text)
    with pytest.raises(ConfigError, match="must be more than 0"):
        Scale.parse("0um")
    with pytest.raises(ConfigError, match="unknown unit 'parsec' of the scale; known: nm, um"):
        Scale.parse("1parsec")


def test_a_scale_without_a_table(tmp_path, source):
    with pytest.raises(OutputError, match="add csv to the formats"):
        deliver(tmp_path / "out", source, ["png"], scale=Scale(1.0, "mm"))
    assert not (tmp_path / "out").exists()


def even_odd(rings, shape):
    layer = np.zeros(shape, bool)
    for ring in rings:
        layer ^= filled(np.array(ring, float), *shape)
    return layer


@pytest.mark.parametrize("frames", [range(COUNT), BACKWARDS])
def test_geojson(tmp_path, source, frames):
    folder = deliver(tmp_path / "out", source, ["contours"], frames, names=NAMES)
    content = json.loads((folder / "contours.geojson").read_text(encoding="utf-8"))
    assert content["type"] == "FeatureCollection"
    found = {(item["properties"]["frame"], item["properties"]["object"]): item for item in content["features"]}
    assert list(found) == [(frame, i) for frame in range(COUNT) for i, mask in masks(frame).items() if mask.any()]
    for (frame, object_id), item in found.items():
        mask, properties, geometry = masks(frame)[object_id], item["properties"], item["geometry"]
        assert properties["name"] == NAMES.get(object_id, "object 1")
        assert (properties["time"], properties["area"], properties["score"]) == (frame / 10, mask.sum(), 0.9)
        assert geometry["type"] == "MultiPolygon"
        rings = [ring for part in geometry["coordinates"] for ring in part]
        assert all(ring[0] == ring[-1] for ring in rings)
        np.testing.assert_array_equal(even_odd([ring[:-1] for ring in rings], mask.shape), mask)


def test_svg(tmp_path, source):
    folder = deliver(tmp_path / "out", source, ["contours"], names=NAMES) / "contours"
    space = "{http://www.w3.org/2000/svg}"
    for frame in range(COUNT):
        root = ElementTree.parse(folder / f"{frame:05d}.svg").getroot()
        assert root.get("viewBox") == f"0 0 {WIDTH} {HEIGHT}"
        paths = {path.get("id"): path for path in root.findall(f"{space}path")}
        expected = {i: mask for i, mask in masks(frame).items() if mask.any()}
        assert list(paths) == [f"object-{i}" for i in expected]
        for (object_id, mask), path in zip(expected.items(), paths.values(), strict=True):
            assert path.findtext(f"{space}title") == NAMES.get(object_id, "object 1")
            assert path.get("fill-rule") == "evenodd"
            rings = re.findall(r"M([^MZ]*)Z", path.get("d"))
            assert "".join(f"M{ring}Z" for ring in rings) == path.get("d")
            rings = [[point.split(",") for point in ring.split(" ")] for ring in rings]
            np.testing.assert_array_equal(even_odd(rings, mask.shape), mask)


def area(ring):
    x, y = ring.T
    return (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2


@settings(max_examples=150, deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_regions_of_any_pixels(mask):
    parts = regions(mask)
    rings = [ring for part in parts for ring in (part.outline, *part.holes)]
    np.testing.assert_array_equal(even_odd(rings, mask.shape), mask)
    assert sum(area(ring) for ring in rings) == mask.sum()
    for part in parts:
        assert area(part.outline) > 0 and all(area(hole) < 0 for hole in part.holes)
    for ring in rings:
        assert len({tuple(point) for point in ring.tolist()}) == len(ring)  # it never meets itself


@settings(max_examples=100, deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_regions_are_valid_for_gis(mask):
    shapely = pytest.importorskip("shapely")
    whole = shapely.MultiPolygon([shapely.Polygon(part.outline, part.holes) for part in regions(mask)])
    assert whole.is_valid and whole.area == mask.sum()
