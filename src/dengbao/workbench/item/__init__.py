"""What the item view is made of: one item, its assets, the form for what people saw."""
