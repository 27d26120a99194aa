"""One small program for each client that `tests.benchmarks.other_clients` measures.

Each takes the URL of a fake Plivo, the auth id, the token, and `list` or `get N CALL_UUID...`.

get
    fetches the call UUIDs one after another, N times in all.
list
    reads all calls: as the client iterates by itself, or page by page by offset where it does not.

Each prints one line of JSON: the number of `records`, the `ids` that it listed, the `errors`, the `seconds`,
and the `amount` of the last record as the client shows it.
"""
