"""The groups of the command line: each parses, calls one function and prints."""
