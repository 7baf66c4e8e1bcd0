"""The HTTP interface: one file per resource, its schema above its routes."""
