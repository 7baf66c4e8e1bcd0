"""IN AND OUT: whole files of a person's data, taken in as imports that can be resumed and taken back."""
