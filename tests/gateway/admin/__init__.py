"""Tests of the admin API over a real store."""
