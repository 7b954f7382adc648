"""Many videos: jobs from a file or a glob, each tracked in a process of its own, resumable."""
