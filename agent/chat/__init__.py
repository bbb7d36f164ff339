"""A conversation about photos: what is remembered, corrected, shown."""
