"""What goes out: ticks, and later the messages that notices become."""
