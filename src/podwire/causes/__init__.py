"""What many failing cases of a run have in common: where their packets end, and which cases are the controls. Pure."""
