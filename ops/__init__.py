"""Operating the record: servers, the supervised family, administration."""
