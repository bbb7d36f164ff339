"""One file for each command of `shelf`; each has `register(app)` and imports what is heavy when it runs."""
