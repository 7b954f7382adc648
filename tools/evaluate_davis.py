"""Runs a model over DAVIS and scores it; the same as `seem-video eval davis`.

python tools/evaluate_davis.py --root DAVIS --year 2017 --set val --init mask --out runs/nano
"""

import sys

import typer

from seem_video.errors import SeemVideoError
from seem_video.evaluation.cli import davis

if __name__ == "__main__":
    try:
        typer.run(davis)
    except SeemVideoError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
