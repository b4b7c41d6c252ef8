"""Holds the fleet: which drill is run when and on which machine, on paper first, and how machines share them."""
