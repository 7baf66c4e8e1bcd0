"""How stored documents follow the code: one module a step, named ``mNNNN_what`` and run in the order of its number.

A step has a docstring that says why, and ``run(database)``, which changes documents in batches, yields how many after
each, and finds by their form those that are still to be changed: it may be cut off anywhere and begun again, and what
it finds in the new form it leaves alone. What has run is kept in the collection ``migrations``.
"""
