"""Prompt encoder and mask decoder."""
