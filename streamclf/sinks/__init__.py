"""Kinds of sinks, one file each."""
