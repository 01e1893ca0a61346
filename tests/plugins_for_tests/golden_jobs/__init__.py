"""Small jobs with one behaviour each, named as in the recordings of Hoplite 15."""
