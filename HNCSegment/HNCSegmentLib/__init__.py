"""What the module HNCSegment is made of: method, lesions, their table, display, files."""
