"""How well failures are analyzed: cases as files, and the score of whoever answers them."""
