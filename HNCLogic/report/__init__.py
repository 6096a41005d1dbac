"""Pictures, HTML, tables and JSON out."""
