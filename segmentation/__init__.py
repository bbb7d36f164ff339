"""Pixels to instances. Imports nothing of agent or tools."""
