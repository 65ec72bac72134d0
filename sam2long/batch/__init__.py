"""Many videos: job lists, the scheduler and its executors, and what is known of each job. It knows no commands.

import sam2long.batch

for result in sam2long.batch.run("jobs.jsonl", "out", model="nano"):
    print(result.id, result.state, result.frames, result.error)
"""

from sam2long.batch.api import run, status
from sam2long.batch.executors.choice import ExecutorChoice
from sam2long.batch.job import Job, Settings
from sam2long.batch.job_list import read_jobs
from sam2long.batch.result import Result
from sam2long.batch.scheduler import Limits
from sam2long.running.models import ModelChoice

__all__ = ["ExecutorChoice", "Job", "Limits", "ModelChoice", "Result", "Settings", "read_jobs", "run", "status"]
