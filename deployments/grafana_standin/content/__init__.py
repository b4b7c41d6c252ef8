"""What a built database holds: plain data, as Grafana's own editor would have saved it."""
