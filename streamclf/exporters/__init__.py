"""Other frameworks' networks, a file each. Nothing of a framework is imported before one of its networks is opened."""
