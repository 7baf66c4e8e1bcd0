"""WHAT TO TELL: the stored outbox that notifications works off."""
