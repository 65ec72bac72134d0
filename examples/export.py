"""Write masks in the formats of other programs."""

import json

from common import setup

import sam2long
from sam2long.results.writers import open_writers

run = setup("Write masks in the formats of other programs.")
session = sam2long.Session(run.model, run.video)
session.add_box(frame=0, object_id=1, box=(115, 47, 175, 108))
session.add_box(frame=0, object_id=2, box=(7, 144, 48, 182))

# Whole videos: palette PNGs as DAVIS has them, COCO and YouTube-VIS, a video with the masks drawn in, tracks for CVAT,
# a data set for YOLO, and a table of boxes, centroids and areas.
folder = run.out / "export"
with open_writers(
    folder,
    ["png", "coco", "overlay", "cvat", "yolo", "csv"],
    session.source,
    object_ids=session.object_ids,
    settings={},
    names={1: "upper", 2: "lower"},
    overwrite=True,
) as writers:
    for result in session.propagate():
        writers.write(result)
print("written:", ", ".join(path.name for path in writers.files))
print("annotations in coco.json:", len(json.loads((folder / "coco.json").read_text(encoding="utf-8"))["annotations"]))

# One frame at a time: run lengths, outlines, YOLO label lines.
result = session.result(10)
assert result is not None
print("run lengths:", result.to_coco()[1]["counts"][:30])
print("outline:", len(result.to_polygons()[1][0]), "points")
print("YOLO:", result.to_yolo()[0][:40])
