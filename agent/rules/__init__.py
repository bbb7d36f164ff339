"""The planner that needs no key: sentences to tool calls by grammar."""
