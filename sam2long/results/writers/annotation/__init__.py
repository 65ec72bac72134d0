"""Formats for annotators, trainers and science: outlines, run lengths, boxes and measurements."""
