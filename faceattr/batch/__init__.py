"""Batch: a folder of photos → faces.csv and images.csv, by worker processes with one analyzer each."""
