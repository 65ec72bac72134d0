"""List the frames that are most worth a look, each with its reason."""

from common import setup

import sam2long

run = setup("List the frames that are most worth a look.")
session = sam2long.Session(run.model, run.video)
session.add_box(frame=0, object_id=1, box=(115, 47, 175, 108))
session.add_box(frame=0, object_id=2, box=(7, 144, 48, 182))
for _ in session.propagate():
    pass

for look in session.review(budget=3):
    print(f"frame {look.frame}, object {look.object_id}: {look.reason}")
