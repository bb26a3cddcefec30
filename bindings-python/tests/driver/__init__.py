"""Tests of the room driver."""
