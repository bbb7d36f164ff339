"""What may be called: argument models, tools, records, the image store, and serving them."""
