"""THE WORDS: metrics, units and codes as data; what a reading is. Pure, no I/O beyond its own data files."""
