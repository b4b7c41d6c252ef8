"""The live server: how it is reached, and what it says of itself."""
