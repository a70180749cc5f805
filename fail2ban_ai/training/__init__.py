"""Simulator, corpora, training, evaluation and export. Nothing at run time imports this."""
