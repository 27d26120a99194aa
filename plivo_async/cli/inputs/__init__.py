"""Reads call UUIDs out of the files that people have."""
