"""Quartermaster: communities give game skins to their members, and pay from one merchant balance."""
