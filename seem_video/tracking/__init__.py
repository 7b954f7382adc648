"""Carrying masks through time: the bounded memory, the frame-by-frame tracker, the session around a source."""
