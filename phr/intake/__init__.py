"""WHERE IT COMES FROM: devices and their bindings, and the readings that belong to nobody (yet)."""
