"""One file a system: which networks there are and who plays which loss."""
