"""What is compared with what, and the question each suite asks."""
