#!/bin/sh
# Every figure of benchmarks/README.md that wants a GPU. Never run so far, so how long it takes is not known.
#   benchmarks/gpu.sh [FOLDER]       from the root of the repository, in an environment with the extra `dev`
set -u
out=${1:-out/benchmarks-gpu}
mkdir -p "$out"
step() {
    name=$1
    shift
    echo "== $name: $*"
    "$@" 2>&1 | tee "$out/$name.txt"
}
step attention python -m benchmarks.attention --device cuda --rows 1
step attention-3 python -m benchmarks.attention --device cuda --rows 3
step large python -m benchmarks.against_transformers --model sam2.1-hiera-large --device cuda --rounds 20
step large-compiled python -m benchmarks.against_transformers --model sam2.1-hiera-large --device cuda --rounds 20 --compile
step stages sam2long bench --model sam2.1-hiera-large --device cuda --pathways 1,3 --objects 1,4,16 --frames 10
step stages-compiled sam2long bench --model sam2.1-hiera-large --device cuda --pathways 1,3 --objects 1,16 --frames 10 --compile
step demo sam2long demo --out "$out/demo" --overwrite
