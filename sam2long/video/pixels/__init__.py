"""From the numbers a file stores to 8-bit RGB: depths, matrices, HDR."""
