"""What the plugin registers, family by family; nothing here imports an operator."""

EXAMPLES = "dataflow_text.conformance:EXAMPLES"
"""What the conformance kit makes operators of that it cannot make up."""
