"""What brings the project to a machine: images, set-up, an example configuration, and the demo."""
