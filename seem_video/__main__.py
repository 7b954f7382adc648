"""`python -m seem_video`."""

from seem_video.cli import main

main()
