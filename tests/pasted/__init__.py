"""Every block of README.md and docs/ is run as a reader pastes it: `nox -s pasted`.

A reader has done the README's install command in a virtual environment. `plivo-async fake` runs in the first
terminal. The line that it printed is pasted into the second one, a bash in an empty folder. Then each block
of a page is pasted, in the order of the page:

- A `python` block is saved under the name in its first line (`# service.py`), else as `example.py`, and run
  with `python`. A `text` block right after it is what it prints, on stdout and on stderr. A file whose name
  begins with `test_` is saved only.
- A `literalinclude` of a file in docs/examples is saved under its name. A later block has to run it.
- Each line of a `console` block that begins with `$ ` is a command. The lines beneath it are what it prints.
  Without such lines it may print anything. It must succeed, unless the next command is `echo $?`.
- A `toml`, `ini`, `yaml`, `json`, `sql` or `dockerfile` block with a name in its first line is saved.
- After a command that ends with `&` the reader waits until the job listens on a port, has a connection, has
  ended, or has printed the lines beneath the command. What it prints later may be shown beneath a later
  command.
- `...` matches any text, and a number of seconds such as `1.25 s` any other.

What a page needs beyond the README's install command has to be in an install line of this page: each page has
an environment of its own. A page that installs from a clone (`pip install -e`) begins in a copy of this one.

    pytest tests/pasted -k bulk      one page, some seconds after the first run
    pytest tests/pasted -n 2         all pages

The first run makes the base environment in .pytest_cache, and so does the first one after a change of
pyproject.toml. Needs Linux, bash, a package index, and the servers that .ci/servers installs.
"""
