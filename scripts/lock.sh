#!/bin/sh
# Writes scripts/locked: every release that `make` installs, with its hashes, for every Python and system that runs it.
# torch stands there without its builds: which one fits (CPU, CUDA, an index of one's own) is for the machine to say.
# Usage: lock.sh UV [--upgrade]    where UV is the program of PyPI's uv
set -eu
uv=$1
shift
cd "$(dirname "$0")/.."
folder=scripts/locked
printf "torch ; python_version < '3'\n" > "$folder/without-torch.in"
# What builds the package, and what torch needs beside its own libraries.
printf 'setuptools>=77\ntyping-extensions\nsympy\nnetworkx\njinja2\nfsspec\n' > "$folder/beside.in"
lock() {
    "$uv" pip compile pyproject.toml "$folder/beside.in" --override "$folder/without-torch.in" --universal \
        --python-version 3.10 --generate-hashes --no-annotate --custom-compile-command "scripts/lock.sh UV" --quiet "$@"
}
lock --output-file "$folder/runtime.txt" "$@"
names=$(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' "$folder/runtime.txt")
# shellcheck disable=SC2086  # an option and a name for each
lock --extra dev --constraint "$folder/runtime.txt" $names --output-file "$folder/development.txt" "$@"
rm "$folder/without-torch.in" "$folder/beside.in"
