"""Plans of care: what is known of a person that rules ask for, targets, programmes, visits, signatures on rules."""
