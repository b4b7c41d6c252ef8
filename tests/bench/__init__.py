"""`make bench`: speed as ratios, both sides measured in turn in one run. Prints a Markdown table; asserts nothing. Starts at __main__.py."""
