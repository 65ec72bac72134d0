"""Follow an object from a mask, for example one you have painted: bool, 0/1 or 0/255, of the video's size."""

import numpy as np
from common import artificial_mask, setup
from PIL import Image

import sam2long

run = setup("Follow an object from a mask.")

# Usually a file: white where the object is.
painted = run.out / "painted.png"
Image.fromarray(artificial_mask(frame=0, object_id=1)).save(painted)
mask = np.asarray(Image.open(painted).convert("L")) > 127

session = sam2long.Session(run.model, run.video)
session.add_mask(frame=0, object_id=1, mask=mask)

areas = {result.frame: int(result.masks[1].sum()) for result in session.propagate()}
print(f"{len(areas)} frames; area from {areas[0]} to {areas[max(areas)]} pixels")
