#!/bin/sh
# Every figure of benchmarks/README.md that a CPU can give, in under ten minutes on a quiet machine of two cores.
#   benchmarks/all.sh [FOLDER]       from the root of the repository, in an environment with the extra `dev`
set -eu
out=${1:-out/benchmarks}
mkdir -p "$out"
step() {
    name=$1
    shift
    echo "== $name: $*"
    "$@" | tee "$out/$name.txt"
}
step side-by-side python -m benchmarks.against_transformers --rounds 3
step stages sam2long bench --pathways 1,3 --objects 1 --frames 2
step nano-objects sam2long bench --model nano --pathways 1,2,3,4 --objects 1,4,16 --frames 3
step growth python -m benchmarks.growth --lengths 100,1000,6000 --plot "$out/growth.png"
step growth-fake python -m benchmarks.growth --network fake --lengths 1000,20000 --plot "$out/growth-fake.png"
