"""What has changed in a person's record, in the order in which it was committed; phones and streams read it."""
