"""The client in sight of tracers, error trackers, recorders and mocks for httpx, each the real one."""
