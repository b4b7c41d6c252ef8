"""Sets Lifeboat up on a machine: images, an example configuration, the Prefect server, and the demo."""
