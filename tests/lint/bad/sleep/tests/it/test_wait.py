"""Waits for a time."""
import time

time.sleep(1)
