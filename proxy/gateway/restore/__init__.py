"""What is done after the loss of the store."""
