"""The look of a portal: its accent colour and its logo, from the settings to every page."""
