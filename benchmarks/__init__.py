"""Benchmarks: memjax against every way its work is done today."""
