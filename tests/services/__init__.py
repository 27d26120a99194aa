"""The package in other people's programs: web frameworks, job queues, servers, tools that watch.

`pytest` passes over this folder, because the programs are large. The nox session `services` installs and runs
them.
"""
