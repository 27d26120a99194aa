"""`plivo-async export`: from a file of call UUIDs to a file of records."""
