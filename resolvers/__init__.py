"""What happens then: verdicts, the read, batches, records."""
