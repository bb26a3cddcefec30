"""Tests of the room under."""
