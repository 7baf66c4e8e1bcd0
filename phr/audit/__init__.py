"""That nobody changes the access log unseen: chains of lines, signed days, and what checks them."""
