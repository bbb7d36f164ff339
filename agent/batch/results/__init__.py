"""What a run leaves behind, one file per format; every format is written from the same rows."""
