"""Finding a name among the tens of thousands of a game, while somebody is still typing it."""
