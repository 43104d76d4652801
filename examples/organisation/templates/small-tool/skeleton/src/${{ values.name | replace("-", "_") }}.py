"""${{ values.description }}"""

print("${{ values.name }} grows.")
