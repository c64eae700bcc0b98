"""How fast it reads and serves, also when full, and what it holds. The `make bench` targets write RESULTS.md."""
