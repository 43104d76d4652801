"""What people see of editing: pages, and the button on entities."""
