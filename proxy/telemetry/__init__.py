"""What the product tells its operators: metrics, log lines, and the observers that make them."""
