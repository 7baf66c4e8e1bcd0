"""Who may call: OAuth clients and scopes, signed access tokens, the protector of the routes."""
