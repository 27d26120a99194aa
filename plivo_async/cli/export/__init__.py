"""`plivo-async export`: reads a file of call UUIDs, writes a file of records."""
