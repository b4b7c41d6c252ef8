"""What verifications found: the record itself, where it is kept, for how long, and what it forecasts."""
