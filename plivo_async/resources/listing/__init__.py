"""Lists of records: every record of a span of time, and the proof that none is missing."""
