"""A script written for SAM 2's video predictor. Only the import has changed."""

from common import setup

from sam2long.compat import SAM2VideoPredictor

run = setup("Run a script for SAM 2's video predictor.")
predictor = SAM2VideoPredictor.from_pretrained("nano")  # or "facebook/sam2.1-hiera-large"
state = predictor.init_state(str(run.video))

predictor.add_new_points_or_box(state, frame_idx=0, obj_id=1, box=[115, 47, 175, 108])
predictor.add_new_points_or_box(state, frame_idx=0, obj_id=2, points=[[36, 170]], labels=[1])

for frame, ids, logits in predictor.propagate_in_video(state):
    if frame % 10 == 0:
        areas = (logits > 0).sum((1, 2, 3)).tolist()
        print(f"frame {frame}: pixels by object {dict(zip(ids, areas, strict=True))}")
