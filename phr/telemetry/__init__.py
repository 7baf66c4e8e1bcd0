"""What the house counts about itself, so that operators can see it; numbers and codes only, never an id."""
