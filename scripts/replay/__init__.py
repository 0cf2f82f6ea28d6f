"""The Dockerfile, replayed without Docker: see scripts/replay-image."""
