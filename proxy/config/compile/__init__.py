"""From what is written in the files to the values the domain decides with."""
