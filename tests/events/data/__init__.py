"""What the tests of intervals share: rules to draw, zones to draw them in, zone files to write."""
