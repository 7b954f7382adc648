"""Runs a model over DAVIS and scores it; the same as `seem-video eval davis`.

python tools/evaluate_davis.py --root DAVIS --year 2017 --set val --init mask --out runs/nano
"""

from seem_video.evaluation.cli import davis
from seem_video.terminal import run

if __name__ == "__main__":
    run(davis)
