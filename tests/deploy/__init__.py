"""What is in deploy/: held to published schemas, and to what the product really reads."""
