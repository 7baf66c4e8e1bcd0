"""WHAT IT MEANS: clinical rules as data, and their evaluation. Pure; knows no database and no broker."""
