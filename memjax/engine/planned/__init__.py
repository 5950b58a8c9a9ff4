"""What is planned: lanes priced and dealt to blocks."""
