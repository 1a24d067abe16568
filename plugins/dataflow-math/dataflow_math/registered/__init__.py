"""What the plugin registers, family by family; nothing here imports an operator."""
