"""How the properties are searched: the same examples each time, and as long as it takes."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("tests", deadline=None, derandomize=True)
# `pytest --hypothesis-profile=search` looks further, somewhere else each time.
settings.register_profile("search", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("tests")
