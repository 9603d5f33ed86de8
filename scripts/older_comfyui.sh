#!/bin/sh
# An older ComfyUI in the cache, and the frontend that its requirements pin: older_comfyui.sh CACHE VERSION PYTHON
set -eu
home=$1/ComfyUI-$2
test -d "$home" || git clone --depth 1 --branch "v$2" https://github.com/Comfy-Org/ComfyUI "$home"
frontend=$(sed -n 's/^comfyui-frontend-package==//p' "$home/requirements.txt")
test -d "$1/frontends/$frontend" && exit
unpacked=$(mktemp -d)
trap 'rm -r "$unpacked"' EXIT
"$3" -m pip install --quiet --no-deps --target "$unpacked" "comfyui-frontend-package==$frontend"
mkdir -p "$1/frontends"
mv "$unpacked/comfyui_frontend_package/static" "$1/frontends/$frontend"
