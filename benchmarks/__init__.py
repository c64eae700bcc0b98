"""Benchmarks of reading and serving: speed, large data, memory. The `make bench` targets write RESULTS.md."""
