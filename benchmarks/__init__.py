"""How fast it reads and serves. Run by `make bench`, which writes RESULTS.md."""
