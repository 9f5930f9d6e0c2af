"""Processes, rounds and tables: what is the same for every engine, model and row."""
