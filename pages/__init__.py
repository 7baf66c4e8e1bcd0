"""PAGES: what people see in a browser, made of the public API and of nothing else."""
