"""What the product is about, pure: the standard library only, no clock, no network, no disk."""
