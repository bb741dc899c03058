"""Tests of what finance asks for."""
