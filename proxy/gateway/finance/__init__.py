"""What finance asks for: reports, exports and the comparison with a vendor's invoice."""
