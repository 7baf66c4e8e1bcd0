"""The lifelong personal health record: what it holds, who may see it, how it is kept."""
