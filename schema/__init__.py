"""What may be asked: types, roots, inputs, scalars and their descriptions."""
