"""What leaves: event shapes, relay and receivers, from the next issue on."""
