"""The sealed packet: written, opened, verified; trusts no file that came from elsewhere."""
