"""Records what verifications found, keeps it in the repository, decides for how long, and forecasts from it."""
