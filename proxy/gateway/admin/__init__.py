"""What administrators may ask and change, whoever's it is."""
