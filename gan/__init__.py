"""What was under the cloud: fillers."""
