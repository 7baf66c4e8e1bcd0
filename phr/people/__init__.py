"""WHO: people, their logins, the grants they gave, and the log of who looked."""
