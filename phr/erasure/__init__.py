"""A person's erasure: asked for, waited for, done in steps that may be cut off, certified; again after a restore."""
