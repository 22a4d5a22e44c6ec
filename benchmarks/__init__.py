"""What the product costs, as ratios to programs that decide nothing: `python -m benchmarks NAME`."""
