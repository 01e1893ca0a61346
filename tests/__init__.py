"""The tests of hoplite; ``tests.benchmarks`` prints figures."""
