"""Quartermaster: communities give game skins to their members, from one merchant balance."""
