"""What measures share about texts, worked out once for all of them."""
