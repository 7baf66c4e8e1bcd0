"""WHAT TO READ: health education as files, in plain words, each with its source; found by the words people use."""
