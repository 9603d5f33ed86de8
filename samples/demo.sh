#!/bin/sh
# The README's picture: a night sky in a cup of coffee. Usage: demo.sh MULTIEDIT [OUTPUT]
set -eu
multiedit=$1
output=${2:-output/demo.jpg}
here=$(dirname "$0")
mkdir -p "$(dirname "$output")"
"$multiedit" edit \
    --image "$here/coffee.jpg" --image "$here/galaxies.jpg" --image "$here/coffee-mask.png" \
    --prompt "fill the cup with the night sky" \
    --place 2=scale=0.6,offset_x=-2,offset_y=-13 --keep-size \
    -o "$output"
