"""Text and JSON reports."""
