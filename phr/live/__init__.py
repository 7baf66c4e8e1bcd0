"""Open streams: who is looking at a record now hears of a change as it lands."""
