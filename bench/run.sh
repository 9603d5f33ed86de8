#!/bin/sh
# Every benchmark, one after the other. With a ComfyUI (see `make comfyui`) they compare with its own nodes.
# Usage: run.sh PYTHON COMFYUI COMFYUI_PYTHON
set -eu
python=$1
if [ -d "$2" ] && [ -x "$3" ]; then
    export COMFYUI_PATH="$2"
    python=$3
fi
# All figures and the machine's facts, in one file.
export MULTIEDIT_BENCH_JSON="${MULTIEDIT_BENCH_JSON:-output/bench.json}"
mkdir -p "$(dirname "$MULTIEDIT_BENCH_JSON")"
rm -f "$MULTIEDIT_BENCH_JSON"
for bench in codec compose large request api safety adapters; do
    printf '\n== %s ==\n' "$bench"
    "$python" "$(dirname "$0")/$bench.py"
done
