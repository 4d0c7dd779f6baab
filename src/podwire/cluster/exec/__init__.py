"""One long-lived exec stream to each probe, over WebSocket."""
