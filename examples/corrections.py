"""Correct a mistake in the middle of a video. Only what the correction touches is tracked again."""

from common import setup

import sam2long

run = setup("Correct a mistake in the middle of a video.")
session = sam2long.Session(run.model, run.video)
session.add_box(frame=0, object_id=1, box=(115, 47, 175, 108))
session.add_box(frame=0, object_id=2, box=(7, 144, 48, 182))
before = {result.frame: result.masks[1] for result in session.propagate()}

# Clicks on a tracked frame refine what was tracked there.
session.add_points(frame=20, object_id=1, points=[(149, 141)])

after = {result.frame: result.masks[1] for result in session.propagate()}
changed = [frame for frame in after if (after[frame] != before[frame]).any()]
print(f"changed frames of object 1: {changed[0]} to {changed[-1]}" if changed else "the click changed nothing")

session.undo()
again = {result.frame: result.masks[1] for result in session.propagate()}
assert all((again[frame] == before[frame]).all() for frame in before), "undo is exact"

# A session is a file; opened again, it goes on where it was.
session.save(run.out / "corrections.s2l")
opened = sam2long.Session.open(run.out / "corrections.s2l", run.model, run.video)
print(f"opened again: objects {opened.object_ids}, prompts on frames {opened.prompts}")
