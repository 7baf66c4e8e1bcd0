"""Real data, replayed through broker, worker and API, and compared number by number: `make real`."""
