"""Known holes from data that people carry in: read, stored in one file, asked without any network."""
