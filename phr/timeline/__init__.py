"""EVENTS: what happened in a life, entry by entry, with every version of it."""
