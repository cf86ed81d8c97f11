"""The only code that talks to assets; each folder holds the facts, the specs and the probes of one kind."""
