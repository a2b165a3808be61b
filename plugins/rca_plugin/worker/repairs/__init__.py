"""What can be done about a failure: one module for each place where it is done."""
