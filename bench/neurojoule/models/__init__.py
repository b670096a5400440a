"""One file a family: the equation with its source, then the code in the same symbols."""
