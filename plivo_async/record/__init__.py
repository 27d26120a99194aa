"""The call detail record (CDR) and its JSON form. Knows nothing of HTTP."""
