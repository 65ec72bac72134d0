#!/bin/bash
# Sixteen tasks share a job list without a coordinator: sbatch examples/slurm.sh jobs.jsonl /shared/out
# Submit it again to resume; a task that hits the time limit saves its sessions first.
#SBATCH --job-name=sam2long
#SBATCH --array=1-16
#SBATCH --gpus=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
#SBATCH --time=12:00:00
#SBATCH --signal=TERM@60
set -euo pipefail
exec srun sam2long batch "$1" --out "$2" --shard "$SLURM_ARRAY_TASK_ID/16" --model sam2.1-hiera-large --json
