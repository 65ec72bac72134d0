"""Follow many objects in one pass. The image is encoded once per frame, however many there are."""

from common import setup

import sam2long

run = setup("Follow many objects in one pass.")
session = sam2long.Session(run.model, run.video)

# Object ids are yours to choose. A box is (x0, y0, x1, y1).
session.add_box(frame=0, object_id=1, box=(115, 47, 175, 108))
session.add_box(frame=0, object_id=2, box=(7, 144, 48, 182))
session.add_points(frame=12, object_id=3, points=[(80, 160)])  # enters later

for result in session.propagate():
    if result.frame in (0, 11, 12, 39):
        seen = [object_id for object_id, score in result.object_scores.items() if score > 0]
        print(f"frame {result.frame}: objects {list(result.masks)}, visible {seen}")
