"""The web page: click a thing in a video, see its mask, track it, take the results home."""
