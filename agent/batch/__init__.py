"""Scripted batches: many photos, many requests, nothing lost and nothing done twice."""
