"""NUMBERS: the bucket store of readings, its summaries, and the queries over both."""
