"""Writes the reference pages from the one place in which each thing is declared."""
