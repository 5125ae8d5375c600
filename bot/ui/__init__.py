"""What people see and press: cards, words, the router for clicks and its error boundary."""
