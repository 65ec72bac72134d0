"""Many videos: job lists, the scheduler and its executors. It knows no commands."""
