"""One examination: what was asked, what was answered, what is kept of it and what goes out."""
