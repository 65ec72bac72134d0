"""Follow an object from two clicks: one on it, one beside it."""

from common import setup
from PIL import Image

import sam2long

run = setup("Follow an object from two clicks.")
session = sam2long.Session(run.model, run.video)

# Coordinates are pixels of the video, (x, y). Label 1 means "on the object", 0 means "not this".
session.add_points(frame=0, object_id=1, points=[(136, 66), (60, 200)], labels=[1, 0])

# What do the clicks mean? Ask before you track.
preview = session.preview(frame=0, object_id=1)
Image.fromarray(preview.mask).save(run.out / "clicks-preview.png")
print(f"the clicks select {preview.mask.sum()} pixels")

for result in session.propagate():
    if result.frame % 10 == 0:
        print(f"frame {result.frame}: {result.masks[1].sum()} pixels, predicted IoU {result.scores[1]:.2f}")
