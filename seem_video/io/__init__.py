"""Frames in, results out: readers of every kind of source, writers of overlay, masks and contact sheet."""
