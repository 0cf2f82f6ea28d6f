"""Reads Caffe's files. Knows nothing about faces."""
