"""What an account has, one module for each kind: `client.calls` and what `get_many` returns."""
