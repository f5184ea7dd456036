#!/bin/sh
# Waits for a time.
true; sleep 2
